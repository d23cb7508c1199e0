import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, Suspect } from '../../../src/agent/answer.ts';
import { makeBatch } from '../../../src/agent/batch.ts';
import { BatchBuffer } from '../../../src/agent/buffer.ts';
import { BufferFiles } from '../../../src/agent/bufferFiles.ts';
import { Complaints } from '../../../src/agent/complaints.ts';
import { Delivery } from '../../../src/agent/delivery.ts';
import { until } from '../../support/until.ts';
import { heardLog } from './heardLog.ts';

const TAKEN: Answer = { kind: 'taken', duplicate: false };
const SIX_MINUTES_MS = 360_000;

describe('the delivery of batches', () => {
  const { log, lines } = heardLog();
  let complaints: Complaints;
  let directory: string;
  let buffer: BatchBuffer;
  let ids: string[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'agent-delivery-'));
    lines.length = 0;
    complaints = new Complaints(log);
    const limits = { maxBytes: 1_000_000, maxBatches: 100 };
    buffer = new BatchBuffer({ files: new BufferFiles(directory), limits, complaints, log });
    await buffer.open();
    ids = [];
    for (let index = 0; index < 4; index += 1) {
      const batch = makeBatch({ hostname: 'web-01', os: 'linux', os_version: null }, [], index, complaints);
      await buffer.add(batch);
      ids.push(batch.id);
    }
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  /** The shortest wait is what the server asks for: the tests need not wait long. */
  const later = (suspect: Suspect): Answer => ({
    ...{ kind: 'later', problem: 'it does not', retryAfterMs: 0, needsSomebody: false, suspect },
  });

  /** Each failure is six minutes after the one before. @returns the places of what was sent, from 0 */
  const deliver = async (answer: (place: number) => Answer, isDone: () => boolean): Promise<number[]> => {
    const sent: number[] = [];
    let now = 0;
    const delivery = new Delivery({
      ...{ buffer, server: 'https://m', complaints, log, random: () => 0 },
      send: (id) => {
        const place = ids.indexOf(id);
        sent.push(place);
        return Promise.resolve(answer(place));
      },
      now: () => (now += SIX_MINUTES_MS),
    });
    const stop = new AbortController();
    const running = delivery.run(stop.signal);
    await until(isDone, { what: 'the end of the delivery' });
    stop.abort();
    await running;
    return sent;
  };
  const isEmpty = (): boolean => buffer.length === 0;

  it('should go on without a batch that the server fails at, when it takes others', async () => {
    const sent = await deliver((place) => (place === 0 ? later('content') : TAKEN), isEmpty);
    // For an hour, then the newest, which is taken, then once more.
    expect(sent).toEqual([...new Array<number>(11).fill(0), 3, 0, 1, 2]);
    expect(readdirSync(join(directory, 'set-aside'))).toEqual([`000000000001-${ids[0]}.json.gz`]);
    expect(lines.filter((line) => line.includes('set aside'))).toHaveLength(1);
  });

  it('should go on trying where the server fails at all of them', async () => {
    let tries = 0;
    await deliver(
      () => {
        tries += 1;
        return later('content');
      },
      () => tries > 15,
    );
    expect(buffer.length).toBe(4);
    expect(readdirSync(directory)).not.toContain('set-aside');
  });

  it('should send what is measured by the right clock at once, and what the server takes in the end', async () => {
    let isPassed = false;
    const sent = await deliver((place) => {
      if (place === 0 && !isPassed) {
        isPassed = buffer.length === 2;
        return later('clock');
      }
      return TAKEN;
    }, isEmpty);
    expect(sent).toEqual([0, 3, 0, 2, 0, 1, 0]);
    expect(readdirSync(directory)).toEqual([]);
    expect(lines).toEqual([
      'warning: https://m: it does not; batches wait until it takes them',
      'https://m: answers again; batches waiting: 0',
    ]);
  });
});
