import { createHash } from 'node:crypto';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { ApiMiddleware } from '../context.ts';
import { API_KEY_HEADER, tooManyRequests } from '../errors.ts';

/** So long it takes until a burst may be repeated. */
const BURST_SECONDS = 5;

/**
 * So many requests a second with one key, and bursts of twice that. It counts before the key is looked up, so
 * that a program in a loop costs no query; requests without a key are refused without one anyway.
 */
export function rateLimit(perSecond: number): ApiMiddleware {
  const limiter = new BurstyRateLimiter(
    new RateLimiterMemory({ points: perSecond, duration: 1 }),
    new RateLimiterMemory({ points: perSecond, duration: BURST_SECONDS }),
  );
  return async (context, next) => {
    const key = context.get(API_KEY_HEADER);
    if (key !== '') {
      try {
        await limiter.consume(createHash('sha256').update(key).digest('base64'));
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        throw tooManyRequests(perSecond, Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)));
      }
    }
    await next();
  };
}
