/**
 * What staying awake for the next datagram costs a server whose calls come at random times: CPU and p50 by calls a second, for each
 * `busyPollUs`. Client and servers are processes of their own, pinned to a core each where `taskset` exists; the servers take turns.
 *
 *   npm run paced -- [--busy-poll-us 0,50,100] [--rates 500,2000,5000,10000,15000] [--turns 5]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, createClient, createServer } from '../../dist/src/index.js';
import { spread } from '../network/statistics.mjs';
import { REQUEST, RESPONSE, TestServiceDefinition } from '../peers/payload.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'busy-poll-us': { type: 'string', default: '0,50,100' },
    rates: { type: 'string', default: '500,2000,5000,10000,15000' },
    turns: { type: 'string', default: '5' },
  },
});
const TURN_MS = 1_000;
const WARM_UP_MS = 3_000;

const [mode, ...args] = positionals;
if (mode === 'serve') await serve(Number(args[0]));
else if (mode === 'load') await load(Number(args[0]));
else await measure();

async function serve(busyPollUs) {
  const server = createServer({ transport: { busyPollUs } });
  server.add(TestServiceDefinition, { echo: async () => RESPONSE });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send((user + system) / 1_000);
  });
  process.send(await server.listen('127.0.0.1:0'));
}

async function load(port) {
  const client = createClient(TestServiceDefinition, createChannel(`udp://127.0.0.1:${port}`));
  await pacedCalls(client, 5_000, WARM_UP_MS);
  process.on('message', async ({ rate, durationMs }) => {
    process.send(await pacedCalls(client, rate, durationMs));
  });
  process.send('warm');
}

/** At times whose distance is half to one and a half times the mean. The client never sleeps: what it takes is not measured. */
async function pacedCalls(client, rate, durationMs) {
  const times = [];
  const calls = [];
  const start = performance.now();
  for (let next = start; next < start + durationMs; next += (1_000 / rate) * (0.5 + Math.random())) {
    while (performance.now() < next) await new Promise(setImmediate);
    const startedAt = performance.now();
    calls.push(client.echo(REQUEST).then(() => times.push(performance.now() - startedAt)));
    await new Promise(setImmediate);
  }
  await Promise.all(calls);
  times.sort((a, b) => a - b);
  return { p50: times[times.length >> 1] * 1_000 };
}

async function measure() {
  const pairs = {};
  try {
    for (const us of values['busy-poll-us'].split(',')) {
      const server = start(0, ['serve', us]);
      const [port] = await once(server, 'message');
      const client = start(1, ['load', String(port)]);
      await once(client, 'message');
      pairs[us] = { server, client };
    }
    console.log(`node ${process.version}, ${values.turns} turns of ${TURN_MS} ms; median (min..max)`);
    for (const rate of values.rates.split(',').map(Number)) await measureRate(pairs, rate);
  } finally {
    for (const { server, client } of Object.values(pairs)) {
      client.kill();
      server.kill();
    }
  }
}

async function measureRate(pairs, rate) {
  const results = Object.fromEntries(Object.keys(pairs).map((us) => [us, { cpu: [], p50: [] }]));
  for (let turn = 0; turn < Number(values.turns); turn++) {
    for (const [us, { server, client }] of Object.entries(pairs)) {
      const before = await ask(server, 'cpu');
      const { p50 } = await ask(client, { rate, durationMs: TURN_MS });
      results[us].cpu.push((((await ask(server, 'cpu')) - before) * 100) / TURN_MS);
      results[us].p50.push(p50);
    }
  }
  for (const [us, { cpu, p50 }] of Object.entries(results)) {
    console.log(
      `${String(rate).padStart(6)} calls/s, busyPollUs ${us.padStart(3)}: server ${spread(cpu, 0)} % of a core, p50 ${spread(p50, 0)} µs`,
    );
  }
}

function start(core, more) {
  const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  const pinned = { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath] };
  return fork(fileURLToPath(import.meta.url), more, canPin ? pinned : {});
}

async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0];
}
