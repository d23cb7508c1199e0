/** Also for errors of another realm (a vm, as tests run in), which `instanceof` does not know. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}
