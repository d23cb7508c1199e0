import { z } from 'zod';

const MARK = '//# sourceMappingURL=data:application/json;charset=utf-8;base64,';

/** Only what is taken out is named; all else stays. */
const SourceMap = z.looseObject({ sourcesContent: z.unknown() });

/**
 * Takes the copies of all sources out of a bundle's source map: stack traces keep their files and lines, and a
 * worker 3 MB.
 */
export function withoutSources(code: string): string {
  const start = code.lastIndexOf(MARK);
  if (start === -1) return code;
  const json = Buffer.from(code.slice(start + MARK.length), 'base64').toString();
  const { sourcesContent: _sources, ...map } = SourceMap.parse(JSON.parse(json));
  return `${code.slice(0, start)}${MARK}${Buffer.from(JSON.stringify(map)).toString('base64')}\n`;
}
