/** One process of it: `serve PEER` prints its port; `load PEER PORT SIZE SECONDS` prints one JSON line. */
const [mode, name, port, size, seconds] = process.argv.slice(2);
const peer = await import(`../peers/${name}.mjs`);

if (mode === 'serve') {
  // An ordinary end, so that a profile is written.
  process.on('SIGTERM', () => process.exit(0));
  console.log(await peer.serve());
} else {
  const client = await peer.connect(Number(port));
  await load(client, Number(size), Number(seconds) / 2);
  console.log(JSON.stringify(await load(client, Number(size), Number(seconds))));
  await client.close();
  process.exit(0);
}

async function load(client, messageBytes, forSeconds) {
  let messages = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + forSeconds * 1_000;
  for await (const { payload } of client.download(messageBytes)) {
    if (payload.length !== messageBytes) throw new Error(`a message of ${payload.length} bytes`);
    messages++;
    if (performance.now() > end) break;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { messages, seconds: (performance.now() - start) / 1_000, cpuMs: (user + system) / 1_000 };
}
