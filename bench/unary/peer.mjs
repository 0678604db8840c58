/** One process of a measurement: `serve PEER` prints its port; `load PEER PORT SECONDS` prints one JSON line. */

/**
 * Until V8 has compiled what there is to compile, on the same core: before that p50 is that of its interpreter, some five
 * times of what it becomes, whoever the peer is.
 */
const WARM_UP_MS = 3_000;

const [mode, name, port, seconds] = process.argv.slice(2);
const peer = await import(`../peers/${name}.mjs`);

if (mode === 'serve') {
  console.log(await peer.serve());
} else {
  const client = await peer.connect(Number(port));
  const durationMs = Number(seconds) * 1_000;
  await oneAtATime(client, WARM_UP_MS);
  await inFlight(client, 64, WARM_UP_MS);
  const times = await oneAtATime(client, durationMs);
  const rate = await inFlight(client, 64, durationMs);
  times.sort((a, b) => a - b);
  const at = (quantile) => times[Math.floor(times.length * quantile)] * 1_000;
  console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), rate }));
  await client.close();
  process.exit(0);
}

async function oneAtATime(client, durationMs) {
  const times = [];
  const end = performance.now() + durationMs;
  for (let now = performance.now(); now < end;) {
    await client.call();
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
  return times;
}

async function inFlight(client, count, durationMs) {
  let done = 0;
  const start = performance.now();
  const end = start + durationMs;
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (performance.now() < end) {
        await client.call();
        done++;
      }
    }),
  );
  return (done / (performance.now() - start)) * 1_000;
}
