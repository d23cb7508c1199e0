import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeBatch, type Batch } from '../../../src/agent/batch.ts';
import { BatchBuffer, type BufferLimits } from '../../../src/agent/buffer.ts';
import { BufferFiles } from '../../../src/agent/bufferFiles.ts';
import { Complaints } from '../../../src/agent/complaints.ts';
import { numeric, text } from '../../../src/agent/metric.ts';
import { heardLog } from './heardLog.ts';

const ROOM: BufferLimits = { maxBytes: 1_000_000, maxBatches: 100 };

describe('the buffer of an agent', () => {
  const { log, lines } = heardLog();
  const complaints = new Complaints(log);
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'agent-buffer-'));
    lines.length = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const open = async (limits = ROOM, path = directory): Promise<BatchBuffer> => {
    const buffer = new BatchBuffer({ files: new BufferFiles(path), limits, complaints, log });
    await buffer.open();
    return buffer;
  };
  const batch = (value: number): Batch =>
    makeBatch(
      { hostname: 'web-01', os: 'linux', os_version: null },
      [numeric('n', value)],
      value,
      complaints,
    );
  const add = async (buffer: BatchBuffer, count: number): Promise<Batch[]> => {
    const batches = Array.from({ length: count }, (_, index) => batch(index));
    for (const one of batches) await buffer.add(one);
    return batches;
  };
  const drain = async (buffer: BatchBuffer): Promise<string[]> => {
    const ids: string[] = [];
    for (let one = buffer.oldest(); one !== null; one = buffer.oldest()) {
      ids.push(one.id);
      await buffer.remove(one);
    }
    return ids;
  };
  const files = (): string[] => readdirSync(directory).sort();

  it('should hold each batch in a file that only this user can read, and give it back byte for byte', async () => {
    const buffer = await open();
    const [first] = await add(buffer, 1);
    const [file = ''] = files();
    expect(files()).toEqual([`000000000001-${first?.id}.json.gz`]);
    expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    const oldest = buffer.oldest();
    const body = oldest === null ? null : await buffer.read(oldest);
    expect(body?.json.toString()).toBe(JSON.stringify(first?.body));
    expect(gunzipSync(body?.gzipped ?? '').toString()).toBe(JSON.stringify(first?.body));
    expect(readFileSync(join(directory, file)).equals(body?.gzipped ?? Buffer.alloc(0))).toBe(true);
  });

  it('should give the oldest first, also those of an earlier run, under the ids that they have', async () => {
    const before = await add(await open(), 3);
    const buffer = await open();
    expect(buffer.length).toBe(3);
    const after = await add(buffer, 2);
    expect(await drain(buffer)).toEqual([...before, ...after].map(({ id }) => id));
    expect(files()).toEqual([]);
  });

  it('should keep the oldest when it is full, and drop what comes new', async () => {
    const buffer = await open({ ...ROOM, maxBatches: 3 });
    const batches = await add(buffer, 5);
    expect(await buffer.add(batch(9))).toBe(false);
    expect(files()).toHaveLength(3);
    expect(await drain(buffer)).toEqual(batches.slice(0, 3).map(({ id }) => id));
    expect(lines).toEqual([
      'warning: buffer: it is full (batches: 3): what is measured now is dropped until the server takes the older ones',
      'warning: buffer: there is room again; batches dropped while it was full: 3',
    ]);
    expect(await buffer.add(batch(10))).toBe(true);
  });

  it('should be bounded in bytes', async () => {
    const buffer = await open({ ...ROOM, maxBytes: 500 });
    await add(buffer, 20);
    const used = files().reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
    expect(used).toBeLessThanOrEqual(500);
    expect(used).toBeGreaterThan(300);
  });

  it('should drop the newest where an earlier run was allowed more', async () => {
    const before = await add(await open(), 5);
    const buffer = await open({ ...ROOM, maxBatches: 2 });
    expect(files()).toHaveLength(2);
    expect(await drain(buffer)).toEqual(before.slice(0, 2).map(({ id }) => id));
  });

  it('should forget halves of files that a crash has left', async () => {
    const [kept] = await add(await open(), 1);
    writeFileSync(join(directory, '000000000002-x.json.gz.tmp'), 'half');
    writeFileSync(join(directory, 'notes.txt'), 'not ours');
    const buffer = await open();
    expect(buffer.length).toBe(1);
    expect(files()).toEqual([`000000000001-${kept?.id}.json.gz`, 'notes.txt']);
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['other bytes', Buffer.from('{"machine":{}}')],
  ])('should set aside a file of %s and go on', async (_what, content) => {
    const [broken, good] = await add(await open(), 2);
    const name = `000000000001-${broken?.id}.json.gz`;
    writeFileSync(join(directory, name), content);
    await expectSetAside(name, good?.id);
  });

  it('should set aside a file in which one byte is another', async () => {
    const [broken, good] = await add(await open(), 2);
    const name = `000000000001-${broken?.id}.json.gz`;
    const bytes = readFileSync(join(directory, name));
    bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
    writeFileSync(join(directory, name), bytes);
    await expectSetAside(name, good?.id);
  });

  async function expectSetAside(name: string, nextId: string | undefined): Promise<void> {
    const buffer = await open();
    const oldest = buffer.oldest();
    expect(oldest !== null && (await buffer.read(oldest))).toBeNull();
    expect(buffer.oldest()?.id).toBe(nextId);
    expect(readdirSync(join(directory, 'unreadable'))).toEqual([name]);
    expect(lines.join()).toMatch(
      /^warning: buffer: batch \S+ cannot be read \(\w+\) and is set aside as \S+$/,
    );
    expect((await open()).length).toBe(1);
  }

  it('should hold batches in memory while the disk takes none, and bring them there when it does', async () => {
    const path = join(directory, 'buffer');
    writeFileSync(path, 'in the way');
    const buffer = await open(ROOM, path);
    const batches = await add(buffer, 3);
    expect([buffer.length, buffer.inMemory]).toEqual([3, 3]);
    const oldest = buffer.oldest();
    const body = oldest === null ? null : await buffer.read(oldest);
    expect(body?.json.toString()).toBe(JSON.stringify(batches[0]?.body));
    expect(lines.at(-1)).toBe(
      'warning: buffer: nothing can be written (EEXIST): batches wait in memory only',
    );
    rmSync(path);
    await buffer.add(batch(7));
    expect(readdirSync(path)).toHaveLength(4);
    expect(buffer.inMemory).toBe(0);
    expect(lines.at(-1)).toBe('buffer: batches are written to the disk again');
    const again = await open(ROOM, path);
    expect((await drain(again)).slice(0, 3)).toEqual(batches.map(({ id }) => id));
  });

  it('should be bounded in memory too', async () => {
    const path = join(directory, 'buffer');
    writeFileSync(path, 'in the way');
    const buffer = await open({ maxBytes: 1e9, maxBatches: 1_000 }, path);
    const kept: boolean[] = [];
    while (kept.length < 20) {
      const noise = Array.from({ length: 1_000 }, (_, index) =>
        text(`n${index}`, randomBytes(512).toString('hex')),
      );
      kept.push(await buffer.add({ ...batch(1), body: { ...batch(1).body, metrics: noise } }));
    }
    expect(buffer.length).toBeGreaterThan(10);
    expect(kept.lastIndexOf(true)).toBe(buffer.length - 1);
    expect(kept.indexOf(false)).toBe(buffer.length);
  });

  it('should go on when its directory is removed', async () => {
    const path = join(directory, 'buffer');
    mkdirSync(path);
    const buffer = await open(ROOM, path);
    await add(buffer, 1);
    rmSync(path, { recursive: true });
    await add(buffer, 1);
    expect(readdirSync(path)).toHaveLength(1);
  });

  it('should set aside a batch that keeps others waiting, and have room again', async () => {
    const buffer = await open({ ...ROOM, maxBatches: 2 });
    const [first, second] = await add(buffer, 3);
    expect(buffer.isFull).toBe(true);
    expect(buffer.newest()?.id).toBe(second?.id);
    const oldest = buffer.oldest();
    if (oldest !== null) await buffer.setAside(oldest, 'keeps others waiting');
    expect(buffer.isFull).toBe(false);
    expect(buffer.oldest()?.id).toBe(second?.id);
    const name = `000000000001-${first?.id}.json.gz`;
    expect(readdirSync(join(directory, 'set-aside'))).toEqual([name]);
    expect(lines.slice(1)).toEqual([
      `warning: buffer: batch ${first?.id} keeps others waiting and is set aside as ${join(directory, 'set-aside', name)}`,
      'warning: buffer: there is room again; batches dropped while it was full: 1',
    ]);
    expect((await open()).length).toBe(1);
  });

  it('should hold no more than a hundred of those', async () => {
    const buffer = await open({ ...ROOM, maxBatches: 200 });
    await add(buffer, 102);
    for (let one = buffer.oldest(); one !== null; one = buffer.oldest()) await buffer.setAside(one, 'waits');
    expect(readdirSync(join(directory, 'set-aside'))).toHaveLength(100);
    expect(files()).toEqual(['set-aside']);
    expect(lines.at(-1)).toMatch(/ waits and is set aside as nothing, for there are too many such$/);
  });

  it('should tell who waits for it of the next batch', async () => {
    const buffer = await open();
    const added = buffer.nextAdded();
    await buffer.add(batch(1));
    await added;
    expect(buffer.oldest()).not.toBeNull();
  });
});
