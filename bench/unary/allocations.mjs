/**
 * What a unary call allocates, on each side: bytes and allocations, by the function that makes them. V8's sampling heap
 * profiler with an interval of one byte sees every allocation on the JavaScript heap, also of what dies young; what
 * compiled code folds into one piece of memory is one allocation, and what it never makes is none. The memory of array
 * buffers is not on that heap and is not counted. Each side is a process of its own, as in `run.mjs`.
 *
 *   npm run allocations -- [--in-flight 64] [--calls 20000] [--top 25] [--peer udprpc]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    'in-flight': { type: 'string', default: '64' },
    calls: { type: 'string', default: '20000' },
    top: { type: 'string', default: '25' },
    peer: { type: 'string', default: 'udprpc' },
    server: { type: 'boolean', default: false },
  },
});
const peer = await import(`../peers/${values.peer}.mjs`);
const session = new Session();
session.connect();

/** Until V8 has compiled what there is to compile. */
const WARM_UP_CALLS = 50_000;
const SAMPLING = {
  samplingInterval: 1,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
};

if (values.server) await serve();
else await load();

async function serve() {
  process.on('message', async (message) => {
    if (message === 'start') await session.post('HeapProfiler.startSampling', SAMPLING);
    process.send(message === 'stop' ? await takeAllocations() : 'started');
  });
  process.send(await peer.serve());
}

async function load() {
  const server = fork(fileURLToPath(import.meta.url), ['--server', '--peer', values.peer]);
  const ask = async (message) => {
    server.send(message);
    return (await once(server, 'message'))[0];
  };
  const [port] = await once(server, 'message');
  const client = await peer.connect(port);
  const calls = Number(values.calls);
  await call(client, WARM_UP_CALLS);
  await ask('start');
  await session.post('HeapProfiler.startSampling', SAMPLING);
  await call(client, calls);
  const ofClient = await takeAllocations();
  print('client', ofClient, calls);
  print('server', await ask('stop'), calls);
  await client.close();
  server.kill();
}

async function call(client, count) {
  let left = count;
  const one = async () => {
    while (left-- > 0) await client.call();
  };
  await Promise.all(Array.from({ length: Number(values['in-flight']) }, one));
}

async function takeAllocations() {
  const { profile } = await session.post('HeapProfiler.stopSampling');
  const names = new Map();
  const walk = (node) => {
    const { functionName, url, lineNumber } = node.callFrame;
    const file = url.split('/').slice(-2).join('/').replace('dist/', '');
    names.set(node.id, `${functionName || '(anonymous)'} ${file}${url === '' ? '' : `:${lineNumber + 1}`}`);
    node.children.forEach(walk);
  };
  walk(profile.head);
  const byFunction = new Map();
  for (const { size, nodeId } of profile.samples) {
    const name = names.get(nodeId);
    const entry = byFunction.get(name) ?? { name, bytes: 0, count: 0 };
    entry.bytes += size;
    entry.count += 1;
    byFunction.set(name, entry);
  }
  return [...byFunction.values()];
}

function print(side, allocations, calls) {
  const sum = (of) => allocations.reduce((total, entry) => total + of(entry), 0) / calls;
  const bytes = sum((entry) => entry.bytes);
  console.log(
    `${side}: ${bytes.toFixed(0)} bytes in ${sum((entry) => entry.count).toFixed(1)} allocations a call, ` +
      `${values['in-flight']} in flight, node ${process.version}`,
  );
  allocations.sort((a, b) => b.bytes - a.bytes);
  for (const { name, bytes: own, count } of allocations.slice(0, Number(values.top))) {
    console.log(
      `${(own / calls).toFixed(0).padStart(6)} B ${(count / calls).toFixed(2).padStart(6)}  ${name}`,
    );
  }
}
