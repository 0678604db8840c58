/**
 * Unary calls: 30 B request, 100 B response; p50 and p99 of one at a time, calls/s with 64 in flight. Server and client
 * are separate processes, pinned to one core each where `taskset` exists; peers take turns in every round, so that a
 * machine that drifts drifts for all. Prints medians with min and max, and the ratios to grpc-js.
 *
 *   npm run unary -- [--rounds 7] [--seconds 2] [--peers udprpc,grpc-js,dgram]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    peers: { type: 'string', default: 'udprpc,grpc-js,dgram' },
  },
});
const peers = values.peers.split(',');
const rounds = Number(values.rounds);
const PEER = fileURLToPath(new URL('peer.mjs', import.meta.url));
const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

function start(core, args) {
  const command = canPin ? ['taskset', '-c', String(core), process.execPath] : [process.execPath];
  return spawn(command[0], [...command.slice(1), PEER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child) {
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) return text.split('\n')[0];
  }
  throw new Error('a peer ended without a word');
}

async function measure(peer) {
  const server = start(0, ['serve', peer]);
  try {
    const port = await firstLine(server);
    const client = start(1, ['load', peer, port, values.seconds]);
    const result = JSON.parse(await firstLine(client));
    if (client.exitCode === null) await once(client, 'exit');
    return result;
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const spread = (numbers, digits) =>
  `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)}..${Math.max(...numbers).toFixed(digits)})`;

const results = Object.fromEntries(peers.map((peer) => [peer, []]));
for (let round = 0; round < rounds; round++) {
  for (const peer of peers) results[peer].push(await measure(peer));
}

console.log(`node ${process.version}, ${rounds} rounds, ${values.seconds} s each, pinned: ${canPin}`);
for (const peer of peers) {
  const of = (name) => results[peer].map((result) => result[name]);
  console.log(
    `${peer.padEnd(10)} p50 ${spread(of('p50'), 0)} µs   p99 ${spread(of('p99'), 0)} µs   64 in flight ${spread(of('rate'), 0)} calls/s`,
  );
}
for (const [peer, base] of [
  ['udprpc', 'grpc-js'],
  ['udprpc', 'dgram'],
]) {
  if (!results[peer] || !results[base]) continue;
  const ratio = (name) => results[peer].map((result, i) => result[name] / results[base][i][name]);
  console.log(
    `${peer} / ${base}: p50 ${spread(ratio('p50'), 2)}x   64 in flight ${spread(ratio('rate'), 2)}x`,
  );
}
