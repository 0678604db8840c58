/**
 * Whether a call costs the same however many are under way: small unary calls over one channel, with 1 to 10,000 in flight,
 * and the CPU of both processes for each. The depths take turns in every round; medians with min and max.
 *
 *   npm run in-flight -- [--rounds 5] [--seconds 1] [--depths 1,10,100,1000,10000]
 *
 * One at a time pays for a turn of the event loop, and a datagram, per call; from 10 on that is shared, and what is left is
 * the cost of calls: flat is what it should be.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, createClient } from '../../dist/src/index.js';
import { REQUEST, TestServiceDefinition } from '../peers/payload.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    depths: { type: 'string', default: '1,10,100,1000,10000' },
  },
});
const depths = values.depths.split(',').map(Number);
const most = Math.max(...depths);

const server = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [String(most)]);
const [{ port }] = await once(server, 'message');
const channel = createChannel(`udp://127.0.0.1:${port}`);
const client = createClient(TestServiceDefinition, channel);
const results = new Map(depths.map((depth) => [depth, { rate: [], ours: [], theirs: [] }]));
try {
  for (const depth of depths) await load(depth, 300);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const depth of depths) {
      const { rate, ours, theirs } = await load(depth, Number(values.seconds) * 1_000);
      const result = results.get(depth);
      result.rate.push(rate);
      result.ours.push(ours);
      result.theirs.push(theirs);
    }
  }
} finally {
  await channel.close();
  server.kill();
}
console.log(`node ${process.version}, ${values.rounds} rounds of ${values.seconds} s; median (min..max)`);
for (const [depth, { rate, ours, theirs }] of results) {
  console.log(
    `${String(depth).padStart(6)} in flight ${spread(rate, 0).padStart(22)} calls/s   CPU a call, µs: ` +
      `client ${spread(ours, 1)}, server ${spread(theirs, 1)}`,
  );
}

async function load(depth, durationMs) {
  const clientBefore = process.cpuUsage();
  const serverBefore = await serverCpu();
  const start = performance.now();
  const end = start + durationMs;
  let done = 0;
  const caller = async () => {
    while (performance.now() < end) {
      await client.echo(REQUEST);
      done++;
    }
  };
  await Promise.all(Array.from({ length: depth }, caller));
  const rate = (done / (performance.now() - start)) * 1_000;
  return {
    rate,
    ours: micros(clientBefore, process.cpuUsage()) / done,
    theirs: micros(serverBefore, await serverCpu()) / done,
  };
}

async function serverCpu() {
  const answer = once(server, 'message');
  server.send('cpu');
  return (await answer)[0];
}

function micros(from, to) {
  return to.user + to.system - from.user - from.system;
}

function spread(numbers, digits) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const text = (value) => value.toFixed(digits);
  return `${text(sorted[sorted.length >> 1])} (${text(sorted[0])}..${text(sorted.at(-1))})`;
}
