import { z } from 'zod';
import { CHANNEL_TYPES } from '../../channels/channelTypes.ts';
import { ALERT_SOURCES, SEVERITIES } from '../../domain/alert.ts';
import { nameField } from '../httpTargets/fields.ts';

const MAX_ESCALATION_MINUTES = 7 * 1_440;

/** As each type wants it; the rules of the type are checked when it is known. */
const configField = z.record(z.string(), z.unknown()).meta({
  description: 'What the type needs, as a whole. Kept encrypted; secrets are masked in answers.',
  override: ({ jsonSchema }) => {
    jsonSchema.anyOf = CHANNEL_TYPES.map(({ type, schema }) => {
      const { $schema: _, ...described } = z.toJSONSchema(schema, { io: 'input' });
      return { title: type, ...described };
    });
  },
});

/** The fields of a channel as they are sent, each by its own rules. */
export const channelFields = {
  type: z.enum(CHANNEL_TYPES.map(({ type }) => type)),
  name: nameField,
  config: configField,
  severities: z
    .array(z.enum(SEVERITIES))
    .min(1)
    .transform((sent) => SEVERITIES.filter((severity) => sent.includes(severity)))
    .describe('It hears of alerts of these.'),
  sources: z
    .array(z.enum(ALERT_SOURCES))
    .min(1)
    .transform((sent) => ALERT_SOURCES.filter((source) => sent.includes(source)))
    .nullable()
    .describe('It hears of alerts of these; null: of all.'),
  escalation_minutes: z
    .int()
    .min(0)
    .max(MAX_ESCALATION_MINUTES)
    .describe('0: it is told at once; else when nobody has acknowledged for so long.'),
  is_active: z.boolean().describe('false: it hears of nothing but tests.'),
};
