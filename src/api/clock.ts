/** UTC milliseconds; tests bring their own. */
export interface Clock {
  readonly now: () => number;
}
