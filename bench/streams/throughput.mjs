/**
 * Server streaming on loopback: MB/s and messages/s of one call, beside grpc-js with its largest windows. Server and client are
 * processes of their own, peers take turns in every round. Prints medians with min and max, and what CPU each side used.
 *
 *   npm run streams:throughput -- [--rounds 5] [--seconds 2] [--peers udprpc,grpc-js] [--sizes 1048576,65536,100]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    peers: { type: 'string', default: 'udprpc,grpc-js' },
    sizes: { type: 'string', default: '1048576,65536,100' },
    'profile-dir': { type: 'string' },
  },
});
const PEER = fileURLToPath(new URL('throughput-peer.mjs', import.meta.url));
const profile =
  values['profile-dir'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['profile-dir']}`];

function start(args) {
  return spawn(process.execPath, [...profile, PEER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child) {
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) return text.split('\n')[0];
  }
  throw new Error('a peer ended without a word');
}

async function measure(peer, size) {
  const server = start(['serve', peer]);
  try {
    const port = await firstLine(server);
    const client = start(['load', peer, port, size, values.seconds]);
    const result = JSON.parse(await firstLine(client));
    if (client.exitCode === null) await once(client, 'exit');
    return result;
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const spread = (numbers, digits = 0) =>
  `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)}..${Math.max(...numbers).toFixed(digits)})`;

console.log(`node ${process.version}, ${values.rounds} rounds, ${values.seconds} s each`);
for (const size of values.sizes.split(',')) {
  const results = Object.fromEntries(values.peers.split(',').map((peer) => [peer, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of Object.keys(results)) results[peer].push(await measure(peer, size));
  }
  for (const [peer, of] of Object.entries(results)) {
    const each = of.map(({ messages, seconds }) => messages / seconds);
    const mb = each.map((rate) => (rate * Number(size)) / 1e6);
    const cpu = of.map(({ cpuMs, messages }) => (cpuMs * 1_000) / messages);
    console.log(
      `${size.padStart(8)} B ${peer.padEnd(8)} ${spread(mb, 1)} MB/s   ${spread(each)} messages/s   ${spread(cpu, 1)} µs of the client's CPU each`,
    );
  }
  const { udprpc, 'grpc-js': grpc } = results;
  if (udprpc === undefined || grpc === undefined) continue;
  const rate = ({ messages, seconds }) => messages / seconds;
  console.log(
    `${size.padStart(8)} B udprpc / grpc-js: ${spread(
      udprpc.map((it, i) => rate(it) / rate(grpc[i])),
      2,
    )}x`,
  );
}
