import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkPorts, connectionProblem, portSentence } from '../../../src/start/ports.ts';
import { freePorts } from '../../support/freePorts.ts';

describe('the ports of a start', () => {
  let taken: number;
  let free: number;
  let squatter: Server;

  beforeEach(async () => {
    [taken = 0, free = 0] = await freePorts(2);
    squatter = createServer().listen(taken, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
  });

  afterEach(() => {
    squatter.close();
  });

  const api = (port: number) => ({ port, use: 'the API', variable: 'PORT' });
  const postgres = (port: number) => ({
    port,
    use: 'Postgres',
    variable: 'POSTGRES_PORT',
    host: '127.0.0.1',
  });

  it('should pass when they are free', async () => {
    await expect(checkPorts([api(free)])).resolves.toBeUndefined();
    await expect(checkPorts([postgres(free)])).resolves.toBeUndefined();
  });

  it('should name the taken one and its variable, whichever address it is taken on', async () => {
    await expect(checkPorts([api(free), postgres(taken)])).rejects.toThrow(
      `Port ${taken} for Postgres is taken by another program: stop that program, or set POSTGRES_PORT to another port.`,
    );
    await expect(checkPorts([api(taken)])).rejects.toThrow(`Port ${taken} for the API is taken`);
  });

  it('should name both variables that want the same port', async () => {
    await expect(checkPorts([api(free), postgres(free)])).rejects.toThrow(
      `PORT and POSTGRES_PORT are both ${free}: set one of them to another port.`,
    );
  });

  it('should say when a port takes more rights', () => {
    expect(portSentence(api(80), 'EACCES')).toBe(
      'Port 80 for the API may not be opened by this user: set PORT to one above 1023.',
    );
  });

  it('should tell who listens from who does not', async () => {
    expect(await connectionProblem('127.0.0.1', taken, 1_000)).toBeNull();
    expect(await connectionProblem('127.0.0.1', free, 1_000)).toBe('ECONNREFUSED');
  });
});
