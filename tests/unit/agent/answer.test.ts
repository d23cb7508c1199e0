import { describe, expect, it } from '@jest/globals';
import { understand, type Answer } from '../../../src/agent/answer.ts';

const ID = '11111111-1111-1111-1111-111111111111';
const answer = (status: number, detail: unknown = null, headers: Record<string, string> = {}): Answer =>
  understand({ status, headers, text: JSON.stringify({ detail }) }, ID, Date.UTC(2026, 10, 24));

describe('the answer of a server', () => {
  it('should be taken, now or before', () => {
    const receipt = (status: number, said: string) =>
      understand(
        { status, headers: {}, text: JSON.stringify({ status: said, ingest_id: ID, accepted: 3 }) },
        ID,
        0,
      );
    expect(receipt(202, 'accepted')).toEqual({ kind: 'taken', duplicate: false });
    expect(receipt(200, 'duplicate')).toEqual({ kind: 'taken', duplicate: true });
  });

  it.each([
    ['a page', 200, '<html>It works!</html>'],
    ['nothing', 204, ''],
    ['a receipt for another batch', 202, '{"status":"accepted","ingest_id":"other","accepted":0}'],
    ['no receipt', 202, '{}'],
    ['a page of a firewall', 422, '<html>blocked</html>'],
    ['a page of a proxy', 413, '<html>too large</html>'],
  ])('should lose no batch to somebody else who answers %s', (_what, status, text) => {
    expect(understand({ status, headers: {}, text }, ID, 0)).toMatchObject({
      kind: 'later',
      needsSomebody: true,
    });
  });

  it('should be refused for good with the reasons of the server', () => {
    const detail = [
      { loc: ['body', 'metrics', 3, 'value'], msg: 'Input should be a finite number', type: 'finite_number' },
      { loc: ['body', 'sent_at'], msg: 'Input is an hour ahead', type: 'too_late' },
    ];
    expect(answer(422, detail)).toEqual({
      kind: 'refused',
      reason:
        'it answers 422: body.metrics.3.value: Input should be a finite number; body.sent_at: Input is an hour ahead',
    });
    expect(answer(413, 'The body is too large.')).toEqual({
      kind: 'refused',
      reason: 'it answers 413: The body is too large.',
    });
  });

  it('should not fill the log', () => {
    const refused = answer(422, 'x'.repeat(5_000));
    expect(refused.kind === 'refused' && refused.reason.length).toBeLessThan(600);
  });

  it.each([
    [401, 'the API key is not accepted (it answers 401: no): give it a valid one'],
    [403, 'the API key is not accepted (it answers 403: no): give it a valid one'],
    [404, 'no ingest was found there (it answers 404: no): check the setting server'],
    [400, 'it answers 400: no'],
  ])('should want somebody to look after %d', (status, problem) => {
    expect(answer(status, 'no')).toEqual({
      kind: 'later',
      problem,
      retryAfterMs: null,
      needsSomebody: true,
      suspect: null,
    });
  });

  const future = { loc: ['body', 'sent_at'], msg: 'Input is 37 minutes ahead', type: 'datetime_future' };

  it('should want the clocks to be set where nothing is wrong but that a batch is ahead', () => {
    expect(answer(422, [future])).toEqual({
      kind: 'later',
      problem:
        'it does not take the time of a batch, which is in its future (422, sent_at): set the clock of this machine, or that of the server',
      ...{ retryAfterMs: null, needsSomebody: true, suspect: 'clock' },
    });
  });

  it.each([
    ['something else is wrong too', [future, { ...future, type: 'string_too_long' }]],
    ['its time is too old', [{ ...future, type: 'datetime_too_old' }]],
  ])('should be refused for good where %s', (_what, detail) => {
    expect(answer(422, detail).kind).toBe('refused');
  });

  it('should suspect the batch where the server fails at it', () => {
    expect(answer(500)).toMatchObject({ kind: 'later', suspect: 'content' });
    expect(answer(503)).toMatchObject({ kind: 'later', suspect: null });
  });

  it.each([429, 500, 502, 503, 408])('should be worth another try after %d', (status) => {
    expect(answer(status)).toEqual({
      ...{ kind: 'later', problem: `it answers ${status}`, retryAfterMs: null, needsSomebody: false },
      suspect: status === 500 ? 'content' : null,
    });
    expect(answer(status, null, { 'retry-after': '17' })).toMatchObject({ retryAfterMs: 17_000 });
  });

  it('should never be followed to another address', () => {
    expect(answer(301, null, { location: 'https://other.example.com/' })).toMatchObject({
      kind: 'later',
      problem: 'it sends us on to https://other.example.com/: set server to the address that answers itself',
      needsSomebody: true,
    });
  });

  it('should be understood when it is no JSON', () => {
    expect(understand({ status: 502, headers: {}, text: '<html>Bad gateway' }, ID, 0)).toMatchObject({
      problem: 'it answers 502',
    });
  });
});
