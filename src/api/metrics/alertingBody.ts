import { z } from 'zod';
import { customIssue } from '../zodIssues.ts';

/** One of the two names, read as one. */
export const AlertingBody = z
  .strictObject({
    alert_enabled: z.boolean().optional(),
    enabled: z.boolean().optional().meta({ deprecated: true, description: 'The old name of alert_enabled.' }),
  })
  .transform(({ alert_enabled: isEnabled, enabled: formerly }, context) => {
    if (isEnabled !== undefined && formerly !== undefined) {
      const message = 'This is an old name of alert_enabled, which is sent as well: send one of them';
      context.addIssue(customIssue('alias_conflict', message, ['enabled']));
    }
    const sent = isEnabled ?? formerly;
    if (sent !== undefined) return { isEnabled: sent };
    context.addIssue(customIssue('missing', 'Field required', ['alert_enabled']));
    return z.NEVER;
  })
  .meta({ id: 'MetricAlerting' });

export const ALERTING_EXAMPLES = {
  'let it alert': { alert_enabled: true },
  'keep it quiet': { alert_enabled: false },
};
