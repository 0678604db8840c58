/**
 * An image of 64 MiB by `getChunk` on loopback: MB/s (10^6 bytes) and CPU of both sides per MB. Server and client are
 * separate processes, pinned to one core each where `taskset` exists. In a round all of them are there at the same time,
 * warmed up until V8 has compiled what there is to compile, and take turns of four fetches: a machine that drifts drifts for all. Between
 * turns there is a pause, for what a collector still has to do.
 * grpc-js is measured with its defaults and with the largest flow-control window that helps it, both with 1 MiB x 4, its
 * best, and so is ours. Prints medians with min and max, and the ratios of turns that follow each other.
 * `--node-flag` is given to both processes of every contestant.
 *
 *   npm run bulk -- [--rounds 3] [--turns 10] [--warm-up-s 8] [--contestants udprpc,grpc-js-best,grpc-js,dgram] [--node-flag FLAG]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { payload } from '../network/contestants/payload.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    turns: { type: 'string', default: '10' },
    'warm-up-s': { type: 'string', default: '8' },
    contestants: { type: 'string', default: 'udprpc,grpc-js-best,grpc-js,dgram' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});
const contestants = values.contestants.split(',');
const rounds = Number(values.rounds);
const turns = Number(values.turns);
const SIDE = fileURLToPath(new URL('side.mjs', import.meta.url));
const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
const IMAGE_BYTES = 64 << 20;
/** Of a turn. */
const FETCHES = 4;
const PAUSE_MS = 200;

const directory = await mkdtemp(join(tmpdir(), 'udprpc-bulk-'));
try {
  await writeFile(join(directory, 'image.bin'), payload(IMAGE_BYTES));
  const results = Object.fromEntries(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    const running = [];
    for (const contestant of contestants) running.push(await begin(contestant));
    for (let turn = 0; turn < turns; turn++) {
      for (const pair of orderOf(running, turn)) {
        await setTimeout(PAUSE_MS);
        results[pair.contestant].push(await measure(pair));
      }
    }
    for (const { client, server } of running) await Promise.all([end(client), end(server)]);
  }
  print(results);
} finally {
  await rm(directory, { recursive: true });
}

/** So that nobody always comes after the same one, whose memory is still in the caches. */
function orderOf(all, turn) {
  const shift = turn % all.length;
  const shifted = [...all.slice(shift), ...all.slice(0, shift)];
  return turn % 2 === 0 ? shifted : shifted.toReversed();
}

async function begin(contestant) {
  const server = start(0, ['serve', contestant, directory]);
  const [port] = await once(server, 'message');
  const client = start(1, ['fetch', contestant, String(port), String(IMAGE_BYTES)]);
  await once(client, 'message');
  const warmAt = performance.now() + Number(values['warm-up-s']) * 1_000;
  while (performance.now() < warmAt) await ask(client, 'fetch');
  return { contestant, server, client };
}

async function measure({ server, client }) {
  const atStart = await ask(server, 'cpu');
  const fetched = [];
  for (let i = 0; i < FETCHES; i++) fetched.push(await ask(client, 'fetch'));
  const serverCpuMs = (await ask(server, 'cpu')) - atStart;
  const [ms, cpuMs, bytes] = ['ms', 'cpuMs', 'bytes'].map((name) =>
    fetched.reduce((sum, one) => sum + one[name], 0),
  );
  const megabytes = bytes / 1e6;
  return { rate: megabytes / (ms / 1_000), client: cpuMs / megabytes, server: serverCpuMs / megabytes };
}

async function end(side) {
  side.removeAllListeners('exit');
  const ended = once(side, 'exit');
  side.kill();
  await ended;
}

function start(core, args) {
  const flags = values['node-flag'];
  const options = canPin
    ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...flags] }
    : { execArgv: flags };
  const side = fork(SIDE, args, options);
  side.on('exit', (code, signal) => {
    console.error(`${args[0]} of ${args[1]} has ended (${signal ?? code})`);
    process.exit(1);
  });
  return side;
}

async function ask(side, what) {
  side.send(what);
  return (await once(side, 'message'))[0];
}

function print(results) {
  console.log(
    `node ${process.version}, ${rounds} rounds of ${turns} turns of ${FETCHES} x 64 MiB, pinned: ${canPin}`,
  );
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
