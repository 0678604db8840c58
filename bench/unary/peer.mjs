/**
 * One process of a measurement. `serve PEER` tells its port, and answers each message with its CPU time in ms; `load PEER PORT` tells
 * when it is warm, and answers `{ kind, durationMs }` with what it has measured in that time.
 */

/**
 * Until V8 has compiled what there is to compile, on the same core: before that p50 is that of its interpreter, some five
 * times of what it becomes, whoever the peer is.
 */
const WARM_UP_MS = 3_000;

const [mode, name, port] = process.argv.slice(2);
const peer = await import(`../peers/${name}.mjs`);

if (mode === 'serve') {
  process.on('message', () => process.send(cpuMs()));
  process.send(Number(await peer.serve()));
} else {
  const client = await peer.connect(Number(port));
  const kinds = { oneAtATime, inFlight };
  await oneAtATime(client, WARM_UP_MS);
  await inFlight(client, WARM_UP_MS);
  process.on('message', async ({ kind, durationMs }) => {
    process.send(await kinds[kind](client, durationMs));
  });
  process.send('warm');
}

async function oneAtATime(client, durationMs) {
  const times = [];
  const cpuBefore = cpuMs();
  const end = performance.now() + durationMs;
  for (let now = performance.now(); now < end;) {
    await client.call();
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
  const clientCpu = ((cpuMs() - cpuBefore) * 1_000) / times.length;
  times.sort((a, b) => a - b);
  const at = (quantile) => times[Math.floor(times.length * quantile)] * 1_000;
  return { p50: at(0.5), p99: at(0.99), calls: times.length, clientCpu };
}

async function inFlight(client, durationMs) {
  let done = 0;
  const start = performance.now();
  const end = start + durationMs;
  const caller = async () => {
    for (; performance.now() < end; done++) await client.call();
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  return { rate: (done / (performance.now() - start)) * 1_000 };
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
