import type { ThresholdRule } from '../../src/domain/threshold.ts';

/** A threshold that the first sample above 1 breaches. */
export const ABOVE_ONE: ThresholdRule = {
  comparison: 'gt',
  ...{ valueNum: 1, valueBool: null, valueStr: null, valueLow: null, valueHigh: null, recoveryValue: null },
  ...{ consecutiveBreaches: 1, minDurationSeconds: 0, cooldownSeconds: 0 },
};
