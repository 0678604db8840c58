/**
 * Unary calls: 30 B request, 100 B response; p50 and p99 of one at a time with the CPU of both sides, and calls/s with 64 in
 * flight. Server and client are processes of their own, pinned to a core each where `taskset` exists. In every round all peers
 * have new processes, which live beside each other and take turns of a quarter of a second: the speed of these machines
 * changes by half within seconds, and only turns that follow each other have the same. Prints medians with min and max over
 * all turns, and the ratios of turns that follow each other.
 *
 *   npm run unary -- [--rounds 3] [--turns 20] [--peers udprpc,grpc-js,dgram]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spread } from '../network/statistics.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    turns: { type: 'string', default: '20' },
    peers: { type: 'string', default: 'udprpc,grpc-js,dgram' },
  },
});
const peers = values.peers.split(',');
const PEER = fileURLToPath(new URL('peer.mjs', import.meta.url));
const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
const TURN_MS = 250;

const turns = [];
for (let round = 0; round < Number(values.rounds); round++) turns.push(...(await measureRound()));
print();

/** For each turn what each peer did in it. */
async function measureRound() {
  const pairs = {};
  try {
    for (const peer of peers) pairs[peer] = await startPair(peer);
    const measured = [];
    for (let turn = 0; turn < Number(values.turns); turn++) {
      const results = {};
      for (const peer of peers) results[peer] = await takeTurn(pairs[peer], 'oneAtATime');
      for (const peer of peers) Object.assign(results[peer], await takeTurn(pairs[peer], 'inFlight'));
      measured.push(results);
    }
    return measured;
  } finally {
    for (const { server, client } of Object.values(pairs)) {
      client.kill();
      server.kill();
    }
  }
}

async function startPair(peer) {
  const server = start(0, ['serve', peer]);
  const [port] = await once(server, 'message');
  const client = start(1, ['load', peer, String(port)]);
  // It is warm.
  await once(client, 'message');
  return { server, client };
}

function start(core, args) {
  const pinned = { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath] };
  return fork(PEER, args, canPin ? pinned : {});
}

async function takeTurn({ server, client }, kind) {
  const before = await ask(server, 'cpu');
  const result = await ask(client, { kind, durationMs: TURN_MS });
  const after = await ask(server, 'cpu');
  return kind === 'inFlight' ? result : { ...result, serverCpu: ((after - before) * 1_000) / result.calls };
}

async function ask(child, question) {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0];
}

function print() {
  console.log(
    `node ${process.version}, ${values.rounds} rounds of ${values.turns} turns of ${TURN_MS} ms, pinned: ${canPin}`,
  );
  for (const peer of peers) {
    const of = (name) => {
      const all = turns.map((results) => results[peer][name]);
      return spread(all, 0);
    };
    console.log(
      `${peer.padEnd(10)} p50 ${of('p50')} µs   p99 ${of('p99')} µs   ` +
        `CPU a call: client ${of('clientCpu')}, server ${of('serverCpu')} µs   64 in flight ${of('rate')} calls/s`,
    );
  }
  const [first, ...others] = peers;
  for (const other of others) {
    const ratio = (name) => {
      const all = turns.map((results) => results[first][name] / results[other][name]);
      return spread(all, 2);
    };
    console.log(`${first} / ${other}: p50 ${ratio('p50')}x   64 in flight ${ratio('rate')}x`);
  }
}
