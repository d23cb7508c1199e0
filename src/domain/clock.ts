/** The time that activities and the API go by; tests give another. */
export interface Clock {
  /** UTC milliseconds. */
  now(): number;
}
