import { z } from 'zod';

export const Problem = z.strictObject({ detail: z.string() }).meta({
  id: 'Problem',
  description: 'What went wrong, in one sentence.',
  examples: [{ detail: 'The X-API-Key header is missing: send your API key in it.' }],
});

const Conflict = z
  .strictObject({ detail: z.strictObject({ message: z.string(), existing_id: z.guid().optional() }) })
  .meta({
    id: 'Conflict',
    description: 'What stands in the way; `existing_id` names what has the URL already.',
    examples: [
      {
        detail: {
          message: 'Another HTTP target of yours has this URL: change that one, or delete it first.',
          existing_id: '7f0c6c0e-8a5f-4a53-9a37-2f3b1d0f6a11',
        },
      },
    ],
  });

const ValidationProblem = z
  .strictObject({
    detail: z
      .array(
        z.strictObject({
          loc: z.array(z.union([z.string(), z.int()])),
          msg: z.string(),
          type: z.string(),
        }),
      )
      .min(1),
  })
  .meta({
    id: 'ValidationProblem',
    description: 'Everything that is wrong with the request at once: where, why, and a stable type.',
    examples: [
      {
        detail: [{ loc: ['body', 'url'], msg: "URL scheme should be 'http' or 'https'", type: 'url_scheme' }],
      },
    ],
  });

/** The schema of every error answer of this status. */
export function problemSchema(status: number): z.ZodType {
  if (status === 409) return Conflict;
  return status === 422 ? ValidationProblem : Problem;
}
