import { createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { z } from 'zod';
import { describeExit, startChild } from '../src/start/childProcess.ts';
import { messageOf, systemErrorCode } from '../src/start/startError.ts';

/** Where Temporal's own SDKs fetch the CLI from. */
export const DOWNLOAD_BASE_URL = 'https://temporal.download';

/** A source that has not answered, or has fallen silent, for so long cannot be reached. */
const SILENCE_MS = 5_000;

const DownloadInfo = z.object({ archiveUrl: z.url(), fileToExtract: z.string().min(1) });

interface DownloadOptions {
  readonly baseUrl: string;
  /** Of the CLI, without a leading v. */
  readonly version: string;
  /** An empty directory for the archive and the program. */
  readonly directory: string;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads the Temporal CLI the way Temporal's SDKs do: asks for the archive's address, fetches it, and takes
 * the one program out.
 *
 * @returns the program's path in the given directory.
 * @throws an Error with one line when the source cannot be reached within 5 s, or sends something else.
 */
export async function downloadCli(options: DownloadOptions): Promise<string> {
  const { baseUrl, version, directory, signal } = options;
  const query = new URLSearchParams({ arch: goArchitecture(), platform: process.platform, format: 'tar.gz' });
  const { archiveUrl, fileToExtract } = await get(
    `${baseUrl}/cli/v${version}?${query.toString()}`,
    signal,
    readInfo,
  );
  const archive = join(directory, 'archive.tar.gz');
  await get(archiveUrl, signal, async (response, heard) => {
    options.onProgress(`downloading Temporal ${version}${describeSize(response)}`);
    if (response.body === null) throw new Error('an empty archive');
    const chunks = Readable.fromWeb(response.body).on('data', heard);
    await pipeline(chunks, createWriteStream(archive));
  });
  const logFile = join(directory, 'tar.log');
  const tar = await startChild({
    command: 'tar',
    args: ['-xzf', archive, '-C', directory, fileToExtract],
    logFile,
  });
  const exit = await tar.exited;
  if (exit.code !== 0)
    throw new Error(`the archive of ${new URL(archiveUrl).host} cannot be unpacked (${describeExit(exit)})`);
  return join(directory, basename(fileToExtract));
}

/** One GET whose silence (no headers, or no further data, for 5 s) ends it. */
async function get<T>(
  url: string,
  signal: AbortSignal | undefined,
  read: (response: Response, heard: () => void) => Promise<T>,
): Promise<T> {
  const { host } = new URL(url);
  const dispatcher = new EnvHttpProxyAgent(); // HTTPS_PROXY, NO_PROXY
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await fetch(url, {
      dispatcher,
      signal: signal === undefined ? silence.signal : AbortSignal.any([silence.signal, signal]),
    });
    timer.refresh();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return await read(response, () => void timer.refresh());
  } catch (error) {
    signal?.throwIfAborted();
    const reason = silence.signal.aborted ? `no answer within ${SILENCE_MS / 1000} s` : reasonOf(error);
    throw new Error(`${host} does not give it (${reason})`, { cause: error });
  } finally {
    clearTimeout(timer);
    await dispatcher.destroy();
  }
}

async function readInfo(response: Response): Promise<z.output<typeof DownloadInfo>> {
  const info = DownloadInfo.safeParse(JSON.parse(await response.text()));
  if (!info.success) throw new Error('it answered something else than where to download');
  return info.data;
}

function describeSize(response: Response): string {
  const bytes = Number(response.headers.get('content-length') ?? 0);
  return bytes > 0 ? ` (${Math.ceil(bytes / 1024 / 1024)} MB)` : '';
}

/** fetch() says "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): string {
  const cause: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'cause') : undefined;
  return systemErrorCode(cause) ?? messageOf(error);
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
