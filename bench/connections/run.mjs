/**
 * What a connection costs a server that has many and hears little of them: 10,000 connections, each with one call behind
 * it and one PING per 15 s. Prints (RSS after garbage collection - before) / connections, the limit for which is 32 KiB,
 * and the CPU of a core that the PINGs take, the limit for which is 10 %; medians with min and max of several samples.
 *
 *   npm run connections -- [--count 10000] [--processes 2] [--samples 5] [--snapshot FILE]
 *
 * "Before" is the server after 100 connections have come and gone, so that code and caches are not counted as connections.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    processes: { type: 'string', default: '2' },
    samples: { type: 'string', default: '5' },
    snapshot: { type: 'string' },
  },
});
const count = Number(values.count);
const processes = Number(values.processes);
/** A client sends a PING after a third of it. */
const IDLE_TIMEOUT_MS = 45_000;
const PING_INTERVAL_MS = IDLE_TIMEOUT_MS / 3;
/** What the clients use is no entry point. */
const LOADER = new URL('../../test/support/typescript.mjs', import.meta.url).href;
const MEMORY_LIMIT_KIB = 32;
const CPU_LIMIT_PERCENT = 10;
const WARM_UP_CONNECTIONS = 100;

const children = [];
const server = start('server.mjs', [count, IDLE_TIMEOUT_MS]);
try {
  const { port } = await nextMessage(server);
  const warmUp = await connect(port, WARM_UP_CONNECTIONS);
  warmUp.send('close');
  // The server forgets a connection a little after it was closed.
  for (let left = WARM_UP_CONNECTIONS; left > 0; { connections: left } = await ask('memory'))
    await sleep(500);
  await sleep(1_000);
  const before = await ask('memory');
  await Promise.all(Array.from({ length: processes }, () => connect(port, count / processes)));
  const memory = [];
  const cpu = [];
  let last = await ask('memory');
  for (let sample = 0; sample < Number(values.samples); sample++) {
    // The collections themselves are not what the PINGs cost.
    const from = await ask('cpu');
    await sleep(PING_INTERVAL_MS);
    const to = await ask('cpu');
    cpu.push((100 * (to.cpuMs - from.cpuMs)) / (to.at - from.at));
    last = await ask('memory');
    memory.push((last.rss - before.rss) / last.connections / 1_024);
  }
  if (values.snapshot !== undefined) await ask('snapshot', values.snapshot);
  const perConnection = (name) => ((last[name] - before[name]) / last.connections / 1_024).toFixed(1);
  console.log(
    `node ${process.version}, ${last.connections} connections of ${count}, a PING per ${PING_INTERVAL_MS / 1_000} s each`,
  );
  console.log(
    `memory ${spread(memory)} KiB a connection; at most ${MEMORY_LIMIT_KIB}: ${verdict(memory, MEMORY_LIMIT_KIB)}`,
  );
  console.log(`  of it heap ${perConnection('heapUsed')}, array buffers ${perConnection('arrayBuffers')}`);
  console.log(
    `CPU    ${spread(cpu)} % of a core; at most ${CPU_LIMIT_PERCENT}: ${verdict(cpu, CPU_LIMIT_PERCENT)}`,
  );
  console.log(
    `ended by the server's count: ${JSON.stringify(last.endings)}, ${WARM_UP_CONNECTIONS} of them to warm up`,
  );
} finally {
  for (const child of children) child.kill();
}

function start(file, args, execArgv = ['--expose-gc', '--import', LOADER]) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, args.map(String), { execArgv });
  children.push(child);
  return child;
}

async function connect(port, connections) {
  const clients = start('clients.mjs', [port, connections, IDLE_TIMEOUT_MS]);
  const { connected } = await nextMessage(clients);
  if (connected !== connections) throw new Error(`${connected} connections instead of ${connections}`);
  return clients;
}

async function ask(what, path) {
  const answer = nextMessage(server);
  server.send({ ask: what, path });
  return answer;
}

async function nextMessage(child) {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${child.spawnargs[2]} ended with code ${code}`);
  });
  const message = once(child, 'message', { signal: ended.signal });
  const [first] = await Promise.race([message, exit]);
  exit.catch(() => undefined);
  message.catch(() => undefined);
  ended.abort();
  return first;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [median, min, max] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
  return `${median.toFixed(1)} (${min.toFixed(1)}..${max.toFixed(1)})`;
}

function verdict(numbers, limit) {
  return Math.max(...numbers) <= limit ? 'held' : 'MISSED';
}
