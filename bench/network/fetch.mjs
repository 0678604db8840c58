/**
 * One fetch over each link by processes and a connection that have just begun, beside the same bytes by node:http over TCP.
 * Where the link is so fast that processes are the limit, also beside a bare node:dgram sender, and the same processes then
 * fetch further times, over a new connection each. All take turns on one link in every round. Prints goodput in Mbit/s, and
 * CPU per MB of the client.
 *
 *   node network/fetch.mjs [--rounds 7] [--links wan,mobile] [--controllers default,cubic,bbr]
 *     [--json FILE] [--svg FILE] [--up … --down … --tcp … --server … --client … --host …]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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
const LATER_FETCHES = 8;
const results = [];
for (const name of chosenLinks(values.links, lab.isEmulated)) results.push(...(await measureLink(name)));
print(results);
const kept = inOrder([...keptResults(), ...results]);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(kept, null, 2)}\n`);
if (values.svg !== undefined) writeFileSync(values.svg, drawBars(kept));

/** Some links need another laboratory than others: what FILE holds of those that were not measured now, stays in it. */
function keptResults() {
  if (values.json === undefined || !existsSync(values.json)) return [];
  const measured = new Set(results.map(({ link }) => link));
  return JSON.parse(readFileSync(values.json, 'utf8')).filter(({ link }) => !measured.has(link));
}

function inOrder(all) {
  const names = Object.keys(LINKS);
  const rank = ({ link }) => names.indexOf(link.split(',')[0]) + (link.includes(',') ? 0.5 : 0);
  return all.toSorted((a, b) => rank(a) - rank(b));
}

function contestants(link) {
  return [
    ...values.controllers.split(',').map((controller) => ({
      label: controller === 'default' ? 'udprpc' : `udprpc ${controller}`,
      module: 'udprpc',
      controller,
    })),
    ...tcpControllers.map((controller) => ({ label: `TCP ${controller}`, module: 'http', tcp: controller })),
    ...(link.isLocal ? [{ label: 'bare dgram', module: 'dgram' }] : []),
  ];
}

/** What to report of a link: of a fast one its first fetches and, apart, those that came after them. */
async function measureLink(name) {
  const link = LINKS[name];
  const { describe, bytes } = link;
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    // A result of a link that was late counts for nobody.
    rounds.push(
      await lab.onLink(name, async () => {
        const ofRound = {};
        for (const contestant of contestants(link))
          ofRound[contestant.label] = await fetches(contestant, link);
        return ofRound;
      }),
    );
    process.stderr.write(`${name} ${round + 1}/${values.rounds}\r`);
  }
  const samplesOf = (choose) =>
    Object.fromEntries(
      contestants(link).map(({ label }) => [label, rounds.map((round) => choose(round[label]))]),
    );
  const run = { node: process.version, kernel: release(), rounds: rounds.length };
  const first = { link: name, describe, bytes, ...run, samples: samplesOf(([sample]) => sample) };
  if (!link.isLocal) return [first];
  return [
    { ...first, describe: `${describe}, first fetch of its processes` },
    {
      ...first,
      link: `${name}, later`,
      describe: `${describe}, their later fetches`,
      samples: samplesOf((samples) => medianOf(samples.slice(1))),
    },
  ];
}

async function fetches({ module, controller = '', tcp }, { bytes, isLocal }) {
  if (tcp !== undefined && tcp !== 'system') lab.useTcp(tcp);
  const server = await lab.serve(module, controller, bytes);
  try {
    const count = isLocal ? 1 + LATER_FETCHES : 1;
    const results = await lab.run(`fetch*${count}`, module, server.port, controller, bytes);
    return results.map(({ ms, cpuMs, bytes: received, packetsLost }) => ({
      mbit: (received * 8) / 1_000 / ms,
      cpuMsPerMb: cpuMs / (received / 1e6),
      packetsLost,
    }));
  } finally {
    await server.stop();
  }
}

function medianOf(samples) {
  const byGoodput = samples.toSorted((a, b) => a.mbit - b.mbit);
  return byGoodput[byGoodput.length >> 1];
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
