import { z } from 'zod';

export const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

const Dependency = z
  .strictObject({
    state: z.enum(['up', 'down']),
    latency_ms: z.int(),
    detail: z.string().optional().describe('Why it is down.'),
  })
  .meta({ id: 'Dependency' });

export const Readiness = z
  .strictObject({
    status: z.enum(['ok', 'unavailable']),
    postgres: Dependency,
    temporal: Dependency,
    worker: Dependency,
  })
  .meta({ id: 'Readiness' });
