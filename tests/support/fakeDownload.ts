import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Something that a server of ours answers for a while. */
export interface FakeDownload {
  readonly baseUrl: string;
  /** What was asked for, in order. */
  readonly requests: string[];
  readonly close: () => Promise<void>;
}

/** Writes a program that, like the Temporal CLI, says its version. */
export function writeFakeCli(path: string, version = '1.5.1'): string {
  return writeProgram(path, `echo "temporal version ${version} (Server 1.29.1, UI 2.42.1)"`);
}

/** Writes a shell script that can be run. */
export function writeProgram(path: string, script: string): string {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Serves the Temporal CLI's download as temporal.download does, with a fake program in the archive. */
export async function serveFakeDownload(directory: string): Promise<FakeDownload> {
  const content = join(directory, 'archive');
  mkdirSync(content);
  writeFakeCli(join(content, 'temporal'));
  writeFileSync(join(content, 'LICENSE'), 'Use it.');
  const archive = join(directory, 'archive.tar.gz');
  execFileSync('tar', ['-czf', archive, '-C', content, 'LICENSE', 'temporal']);
  return serve((request, response, baseUrl) => {
    const isInfo = request.url?.startsWith('/cli/v') === true;
    if (isInfo) response.end(JSON.stringify({ archiveUrl: `${baseUrl}/archive`, fileToExtract: 'temporal' }));
    else response.end(readFileSync(archive));
  });
}

/** Takes requests and never answers. */
export async function serveSilence(): Promise<FakeDownload> {
  return serve(() => undefined);
}

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, baseUrl: string) => void,
): Promise<FakeDownload> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response, baseUrl);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${addressOf(server.address()).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { baseUrl, requests, close };
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port.');
  return address;
}
