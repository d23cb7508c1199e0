import { connect, isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createResolver, type ResolveHost } from './resolve.ts';

/** A host, by name or address, and a TCP port that takes connections whenever the network works. */
export interface ReferenceAddress {
  readonly host: string;
  readonly port: number;
}

/** One of them has answered, none has, or this process has nothing left to ask with. */
export type ReferenceAnswer = 'answered' | 'silent' | 'notAsked';

interface ReferencesOptions {
  readonly addresses: readonly ReferenceAddress[];
  /** How names become addresses; the machine's own way unless given. */
  readonly resolve?: ResolveHost;
  /** How long a round may take, 2 s unless given. */
  readonly limitMs?: number;
  /** From the beginning of one round to that of the next at least, half a second unless given. */
  readonly apartMs?: number;
}

const LIMIT_MS = 2_000;
const APART_MS = 500;
/** Of one name. */
const MAX_ADDRESSES = 4;
/** No file descriptors, no memory: that says nothing about the network. */
const OUT_OF_RESOURCES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * Addresses of the operator's choice that tell whether this machine has a network: whoever takes a TCP connection
 * has answered, and nothing is said on it. They are not judged by the guard that targets are.
 */
export class References {
  /** As messages call them: `192.0.2.1:443`, `[2001:db8::1]:53`. */
  readonly names: readonly string[];
  private readonly addresses: readonly ReferenceAddress[];
  private readonly resolve: ResolveHost;
  private readonly limitMs: number;
  private readonly apartMs: number;
  private beganTick = Number.NEGATIVE_INFINITY;
  /** The round that is under way, and the one that has not begun. */
  private round: Promise<ReferenceAnswer> | null = null;
  private next: Promise<ReferenceAnswer> | null = null;

  constructor({ addresses, resolve, limitMs, apartMs }: ReferencesOptions) {
    this.addresses = addresses;
    this.names = addresses.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`);
    this.resolve = resolve ?? createResolver();
    this.limitMs = limitMs ?? LIMIT_MS;
    this.apartMs = apartMs ?? APART_MS;
  }

  /**
   * Asks all of them side by side, in one round for all who wait for it. An answer is one to a round that began after
   * the question: what was so before says nothing of a network that may have gone since. A silence is good for all.
   */
  async ask(): Promise<ReferenceAnswer> {
    if (this.round !== null) {
      const answer = await this.round;
      if (answer !== 'answered') return answer;
    }
    this.next ??= this.begin();
    return this.next;
  }

  private async begin(): Promise<ReferenceAnswer> {
    await delay(Math.max(0, this.beganTick + this.apartMs - performance.now()), undefined, { ref: false });
    this.next = null;
    this.beganTick = performance.now();
    this.round = this.askAll().finally(() => (this.round = null));
    return this.round;
  }

  private async askAll(): Promise<ReferenceAnswer> {
    const over = new AbortController();
    const limit = setTimeout(() => over.abort(), this.limitMs);
    try {
      return await Promise.any(this.addresses.map((address) => this.reach(address, over.signal)));
    } catch (error) {
      return isOutOfResources(error) ? 'notAsked' : 'silent';
    } finally {
      clearTimeout(limit);
      over.abort();
    }
  }

  private async reach({ host, port }: ReferenceAddress, signal: AbortSignal): Promise<'answered'> {
    const addresses = await this.resolve(host, signal);
    return Promise.any(addresses.slice(0, MAX_ADDRESSES).map((address) => connected(address, port, signal)));
  }
}

/** @throws what the system says, or the signal's reason */
function connected(host: string, port: number, signal: AbortSignal): Promise<'answered'> {
  const { promise, resolve, reject } = Promise.withResolvers<'answered'>();
  if (signal.aborted) {
    reject(signal.reason);
    return promise;
  }
  const socket = connect({ host, port });
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.on('error', reject);
  socket.once('connect', () => resolve('answered'));
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  });
}

function isOutOfResources(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutOfResources);
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && OUT_OF_RESOURCES.has(code);
}
