import { parseArgs } from 'node:util';

/** `--name value` on the command line, with what applies where one is missing. */
export class Arguments {
  readonly #values: Readonly<Record<string, string>>;

  /** @throws for an option that is not among the defaults */
  constructor(defaults: Readonly<Record<string, string>>) {
    const options = Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, { type: 'string' as const, default: value }]),
    );
    this.#values = parseArgs({ options }).values;
  }

  text(name: string): string {
    return this.#values[name] ?? '';
  }

  /** @throws when it is not a number above 0 */
  number(name: string): number {
    const value = Number(this.text(name));
    if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} should be a number above 0`);
    return value;
  }

  /** Numbers with commas between them. */
  numbers(name: string): number[] {
    return this.text(name)
      .split(',')
      .map((text) => {
        const value = Number(text);
        if (!Number.isInteger(value) || value <= 0)
          throw new Error(`--${name} should be whole numbers above 0`);
        return value;
      });
  }
}
