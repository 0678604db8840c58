/** The server of the measurement: tells its parent its port, and, asked, its memory after garbage collection and its CPU. */
import { getHeapSnapshot } from 'node:v8';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createServer } from '../../dist/src/index.js';
import { RESPONSE, TestServiceDefinition } from '../peers/payload.mjs';

const [count, idleTimeoutMs] = process.argv.slice(2).map(Number);
const most = 2 * count;
const server = createServer({
  limits: {
    maxConnections: most,
    maxConnectionsPerAddress: most,
    maxHalfOpen: most,
    maxHalfOpenPerAddress: most,
  },
  transport: { idleTimeoutMs },
});
server.add(TestServiceDefinition, { echo: () => RESPONSE });
let connections = 0;
server.on('connection', () => connections++);
const endings = {};
server.on('connectionClosed', ({ closed }) => {
  connections--;
  endings[closed.by] = (endings[closed.by] ?? 0) + 1;
});

process.on('message', async ({ ask, path }) => {
  if (ask === 'snapshot') await pipeline(getHeapSnapshot(), createWriteStream(path));
  if (ask === 'memory') await collect();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const at = performance.now();
  process.send({
    connections,
    endings,
    rss,
    heapUsed,
    external,
    arrayBuffers,
    cpuMs: (user + system) / 1_000,
    at,
  });
});
process.send({ port: await server.listen('127.0.0.1:0') });

/** Several times, because memory goes back to the system one step after it is found free. */
async function collect() {
  for (let round = 0; round < 4; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
