/** The witness: a server of many targets, in a process of its own, that counts who asked for what and when. */
import { createServer } from 'node:http';

const hits = new Map<string, number[]>();

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  const times = hits.get(path);
  if (times === undefined) hits.set(path, [Date.now()]);
  else times.push(Date.now());
  response.setHeader('content-type', 'text/plain');
  response.end('ok\n');
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});

process.on('message', (question: unknown) => {
  if (question === 'hits') process.send?.({ hits: Object.fromEntries(hits) });
});
process.once('disconnect', () => process.exit(0));
