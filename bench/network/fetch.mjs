/**
 * One fetch over each link, each from a cold start, beside the same bytes by node:http over TCP and, where the link is so
 * fast that processes are the limit, beside a bare node:dgram sender. All take turns on one link in every round. Prints
 * goodput in Mbit/s, and CPU per MB of both ends' client side.
 *
 *   node network/fetch.mjs [--rounds 7] [--links wan,mobile] [--controllers default,cubic,bbr]
 *     [--json FILE] [--svg FILE] [--up … --down … --tcp … --server … --client … --host …]
 */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { drawBars } from './chart.mjs';
import { Lab, LAB_OPTIONS } from './lab.mjs';
import { chosenLinks, LINKS } from './links.mjs';
import { median, spread } from './statistics.mjs';

const { values } = parseArgs({
  options: {
    ...LAB_OPTIONS,
    rounds: { type: 'string', default: '7' },
    links: { type: 'string' },
    controllers: { type: 'string', default: 'default' },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
});
const lab = new Lab(values);
const tcpControllers = values.tcp === undefined ? ['system'] : ['cubic', 'bbr'];
const results = [];
for (const name of chosenLinks(values.links, lab.isEmulated)) results.push(await measureLink(name));
print(results);
const report = {
  node: process.version,
  kernel: release(),
  rounds: Number(values.rounds),
  repeated: lab.repeatedCount,
  results,
};
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
if (values.svg !== undefined) writeFileSync(values.svg, drawBars(report));

function contestants(link) {
  return [
    ...values.controllers.split(',').map((controller) => ({
      label: controller === 'default' ? 'udprpc' : `udprpc ${controller}`,
      module: 'udprpc',
      controller,
    })),
    ...tcpControllers.map((controller) => ({ label: `TCP ${controller}`, module: 'http', tcp: controller })),
    ...(link.hasBareSender ? [{ label: 'bare dgram', module: 'dgram' }] : []),
  ];
}

async function measureLink(name) {
  const link = LINKS[name];
  const samples = Object.fromEntries(contestants(link).map(({ label }) => [label, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    // A result of a link that was late counts for nobody.
    const taken = await lab.onLink(name, async () => {
      const ofRound = {};
      for (const contestant of contestants(link))
        ofRound[contestant.label] = await fetchOnce(contestant, link.bytes);
      return ofRound;
    });
    for (const [label, sample] of Object.entries(taken)) samples[label].push(sample);
    process.stderr.write(`${name} ${round + 1}/${values.rounds}\r`);
  }
  return { link: name, describe: link.describe, bytes: link.bytes, samples };
}

async function fetchOnce({ module, controller = '', tcp }, bytes) {
  if (tcp !== undefined && tcp !== 'system') lab.useTcp(tcp);
  const server = await lab.serve(module, controller, bytes);
  try {
    const {
      ms,
      cpuMs,
      bytes: received,
      packetsLost,
    } = await lab.run('fetch', module, server.port, controller, bytes);
    return { mbit: (received * 8) / 1_000 / ms, cpuMsPerMb: cpuMs / (received / 1e6), packetsLost };
  } finally {
    await server.stop();
  }
}

function print(all) {
  console.log(
    `node ${process.version}, Linux ${release()}, median of ${values.rounds} (least..most), Mbit/s`,
  );
  if (lab.repeatedCount > 0) console.log(`${lab.repeatedCount} rounds repeated because the link was late`);
  for (const { link, describe, bytes, samples } of all) {
    console.log(`\n${link}: ${describe}; ${bytes / 1e6} MB`);
    const ours = samples[Object.keys(samples)[0]].map(({ mbit }) => mbit);
    for (const [label, taken] of Object.entries(samples)) {
      const theirs = taken.map(({ mbit }) => mbit);
      const ratio =
        label === Object.keys(samples)[0] ? '' : `  udprpc ${(median(ours) / median(theirs)).toFixed(2)}x`;
      const cpu = `${median(taken.map(({ cpuMsPerMb }) => cpuMsPerMb)).toFixed(1)} ms CPU/MB`;
      console.log(`  ${label.padEnd(13)} ${spread(theirs, 1).padEnd(26)} ${cpu.padStart(15)}${ratio}`);
    }
  }
}
