/**
 * An image of 64 MiB by `getChunk` on loopback: MB/s (10^6 bytes) and CPU of both sides per MB. Server and client are
 * separate processes, pinned to one core each where `taskset` exists; contestants take turns in every round, so that a
 * machine that drifts drifts for all. The image is fetched again and again for a while before it is measured.
 * grpc-js is measured with its defaults and with the largest flow-control window that helps it, both with 1 MiB x 4, its
 * best; ours with what `fetchImage` asks for. Prints medians with min and max, and the ratios to the others.
 * `--node-flag` is given to both processes of every contestant.
 *
 *   npm run bulk -- [--rounds 7] [--fetches 8] [--contestants udprpc,grpc-js-best,grpc-js,dgram] [--node-flag FLAG]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { payload } from '../network/contestants/payload.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    fetches: { type: 'string', default: '8' },
    contestants: { type: 'string', default: 'udprpc,grpc-js-best,grpc-js,dgram' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});
const contestants = values.contestants.split(',');
const rounds = Number(values.rounds);
const SIDE = fileURLToPath(new URL('side.mjs', import.meta.url));
const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
const IMAGE_BYTES = 64 << 20;

const directory = await mkdtemp(join(tmpdir(), 'udprpc-bulk-'));
try {
  await writeFile(join(directory, 'image.bin'), payload(IMAGE_BYTES));
  const results = Object.fromEntries(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) results[contestant].push(await measure(contestant));
  }
  print(results);
} finally {
  await rm(directory, { recursive: true });
}

async function measure(contestant) {
  const server = start(0, ['serve', contestant, directory]);
  const [port] = await once(server, 'message');
  const client = start(1, ['fetch', contestant, String(port), String(IMAGE_BYTES), values.fetches]);
  // What the server did before the client was warm does not count.
  await once(client, 'message');
  const atStart = await cpuOf(server);
  client.send('go');
  const [{ ms, cpuMs, bytes }] = await once(client, 'message');
  const serverCpuMs = (await cpuOf(server)) - atStart;
  const megabytes = bytes / 1e6;
  for (const side of [client, server]) {
    side.kill();
    await once(side, 'exit');
  }
  return { rate: megabytes / (ms / 1_000), client: cpuMs / megabytes, server: serverCpuMs / megabytes };
}

function start(core, args) {
  const flags = values['node-flag'];
  const options = canPin
    ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...flags] }
    : { execArgv: flags };
  return fork(SIDE, args, options);
}

async function cpuOf(server) {
  server.send('cpu');
  return (await once(server, 'message'))[0];
}

function print(results) {
  console.log(`node ${process.version}, ${rounds} rounds of ${values.fetches} x 64 MiB, pinned: ${canPin}`);
  for (const contestant of contestants) {
    const of = (name, digits) =>
      spread(
        results[contestant].map((result) => result[name]),
        digits,
      );
    console.log(
      `${contestant.padEnd(16)} ${of('rate', 0)} MB/s   CPU per MB: server ${of('server', 2)} ms, client ${of('client', 2)} ms`,
    );
  }
  const [first, ...others] = contestants;
  for (const other of others) {
    const ratios = results[first].map((result, i) => result.rate / results[other][i].rate);
    console.log(`${first} / ${other}: ${spread(ratios, 2)}x`);
  }
}

function spread(numbers, digits) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  return `${median.toFixed(digits)} (${least.toFixed(digits)}..${most.toFixed(digits)})`;
}
