import type { Stack } from './stack.ts';
import {
  CheckNowAnswer,
  ChecksAnswer,
  CreatedAnswer,
  TargetAnswer,
  type CheckAnswer,
  type TargetStatus,
} from './targetAnswers.ts';
import { until } from './until.ts';

interface StackAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A user of a running stack with the dev client's key; every answer is held against API.md. */
export class StackClient {
  private readonly stack: Stack;

  constructor(stack: Stack) {
    this.stack = stack;
  }

  async request(method: string, path: string, body?: unknown): Promise<StackAnswer> {
    const response = await fetch(`${this.stack.apiUrl}${path}`, {
      method,
      signal: AbortSignal.timeout(30_000),
      headers: { 'X-API-Key': this.stack.apiKey(), 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** A target that is checked every 5 s unless said otherwise. @returns its id */
  async create(fields: {
    readonly name: string;
    readonly url: string;
    readonly [field: string]: unknown;
  }): Promise<string> {
    const answer = await this.request('POST', '/http-targets', {
      check_interval_seconds: 5,
      timeout_seconds: 2,
      ...fields,
    });
    return CreatedAnswer.parse(expectStatus(201, answer)).id;
  }

  async change(id: string, fields: unknown): Promise<void> {
    expectStatus(200, await this.request('PUT', `/http-targets/${id}`, fields));
  }

  async remove(id: string): Promise<void> {
    expectStatus(200, await this.request('DELETE', `/http-targets/${id}`));
  }

  async target(id: string): Promise<TargetAnswer> {
    return TargetAnswer.parse(expectStatus(200, await this.request('GET', `/http-targets/${id}`)));
  }

  async checkNow(id: string): Promise<CheckNowAnswer> {
    return CheckNowAnswer.parse(expectStatus(200, await this.request('POST', `/http-targets/${id}/check`)));
  }

  /** Checks it again and again: the first one may join a check that began before something changed. */
  async checkUntil(id: string, holds: (check: CheckNowAnswer) => boolean): Promise<CheckNowAnswer> {
    let check = await this.checkNow(id);
    await until(
      async () => {
        if (!holds(check)) check = await this.checkNow(id);
        return holds(check);
      },
      { what: 'what a check finds' },
    );
    return check;
  }

  /** All rows of a target, page by page, oldest first. */
  async checks(id: string): Promise<CheckAnswer[]> {
    const rows: CheckAnswer[] = [];
    let cursor: string | null = null;
    do {
      const query = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
      const answer = await this.request('GET', `/http-targets/${id}/checks${query}`);
      const page = ChecksAnswer.parse(expectStatus(200, answer));
      rows.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return rows.reverse();
  }

  async untilStatus(id: string, status: TargetStatus, withinMs = 20_000): Promise<TargetAnswer> {
    return this.untilTarget(id, (target) => target.status === status, withinMs);
  }

  async untilTarget(
    id: string,
    holds: (target: TargetAnswer) => boolean,
    withinMs = 20_000,
  ): Promise<TargetAnswer> {
    let target = await this.target(id);
    await until(
      async () => {
        target = await this.target(id);
        return holds(target);
      },
      { withinMs, everyMs: 50, what: `what is expected of ${target.name}` },
    );
    return target;
  }

  /** Waits until a target has so many rows that are scheduled later than `after` (UTC milliseconds). */
  async untilChecks(
    id: string,
    { count = 1, after = 0, withinMs = 30_000 }: { count?: number; after?: number; withinMs?: number } = {},
  ): Promise<CheckAnswer[]> {
    let rows: CheckAnswer[] = [];
    await until(
      async () => {
        rows = await this.checks(id);
        return rows.filter((row) => slotOf(row) > after).length >= count;
      },
      { withinMs, everyMs: 100, what: `${count} more checks of ${id}` },
    );
    return rows;
  }
}

/** The scheduled time of a check in UTC milliseconds. */
export function slotOf({ scheduled_at }: CheckAnswer): number {
  return Date.parse(scheduled_at);
}

/** Milliseconds from each scheduled check to the next, oldest first. */
export function gapsMs(rows: readonly CheckAnswer[]): number[] {
  const slots = rows.filter(({ kind }) => kind === 'scheduled').map(slotOf);
  return slots.slice(1).map((slot, index) => slot - (slots[index] ?? 0));
}

/**
 * Slots that were served twice. The second row of a slot could only stand beside the first, some milliseconds
 * later: one row a slot is what the table itself sees to. The very first check comes at once, wherever that falls.
 *
 * @param rows of a target since it was created, oldest first
 */
export function doubledSlots(rows: readonly CheckAnswer[]): string[] {
  const slots = rows
    .filter(({ kind }) => kind === 'scheduled')
    .map(slotOf)
    .sort((a, b) => a - b)
    .slice(1);
  return slots
    .filter((slot, index) => index > 0 && slot - (slots[index - 1] ?? 0) <= 5)
    .map((slot) => new Date(slot).toISOString());
}

function expectStatus(expected: number, { status, body }: StackAnswer): unknown {
  if (status !== expected) throw new Error(`Answered ${status}, not ${expected}: ${JSON.stringify(body)}`);
  return body;
}
