import { z } from 'zod';
import { optionalQueryInteger, pageFields, queryTime } from '../queryFields.ts';

const time = z.iso.datetime();

export const SamplesQuery = z.strictObject({
  from: queryTime.optional().describe('First moment of the range; an hour before `to` by default.'),
  to: queryTime.optional().describe('End of the range, itself excluded; now by default.'),
  buckets: optionalQueryInteger({ min: 1, max: 1_000 }).describe(
    'Into how many, at most, to put the samples; without it single samples are given.',
  ),
  ...pageFields({ defaultLimit: 1_000 }),
});

export const Samples = z
  .strictObject({
    from: time,
    to: time,
    bucket_seconds: z.int().nullable().describe('How wide a bucket is; null where there are none.'),
    items: z
      .array(
        z.union([
          z.tuple([time, z.union([z.number(), z.boolean(), z.string()])]),
          z.tuple([time, z.number(), z.number(), z.number()]),
        ]),
      )
      .describe(
        'Oldest first: [ts, value], or [ts, min, avg, max], where ts is the beginning of the bucket.',
      ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'Samples' });

export const SAMPLES_EXAMPLE = {
  from: '2026-01-31T07:00:00.000Z',
  to: '2026-01-31T08:00:00.000Z',
  bucket_seconds: 1_800,
  items: [
    ['2026-01-31T07:00:00.000Z', 0.11, 0.36, 0.82],
    ['2026-01-31T07:30:00.000Z', 0.14, 0.42, 0.97],
  ],
  next_cursor: null,
};
