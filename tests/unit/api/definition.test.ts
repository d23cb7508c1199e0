import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  changedDefinition,
  newDefinition,
  ruleIssues,
  type SentFields,
} from '../../../src/api/httpTargets/definition.ts';

const DEFAULTS = { checkIntervalSeconds: 300 };
const seconds = fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined });
const sentFields: fc.Arbitrary<SentFields> = fc.record({
  timeout_seconds: seconds,
  check_interval_seconds: seconds,
  retry_interval_seconds: seconds,
  method: fc.option(fc.constantFrom('GET', 'POST'), { nil: undefined }),
  body: fc.option(fc.constantFrom('x', null), { nil: undefined }),
});
const fits = ({
  timeoutSeconds,
  retryIntervalSeconds,
  checkIntervalSeconds,
  method,
  body,
}: ReturnType<typeof newDefinition>['next']) =>
  timeoutSeconds <= checkIntervalSeconds &&
  retryIntervalSeconds <= checkIntervalSeconds &&
  (body === null || method === 'POST');

describe('the definition of a target', () => {
  it('should break a rule exactly when it is told so, and blame a field that was sent', () => {
    fc.assert(
      fc.property(sentFields, sentFields, (first, second) => {
        const { next: created } = newDefinition({ ...first, name: 'x', url: 'http://a.example' }, DEFAULTS);
        fc.pre(fits(created));
        const { next } = changedDefinition(created, second);
        const issues = ruleIssues(next, second);
        expect(issues.length === 0).toBe(fits(next));
        for (const { field } of issues) expect(second[field]).not.toBeUndefined();
      }),
    );
  });
});
