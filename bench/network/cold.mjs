/**
 * How long the first answer of a new connection takes, from `createChannel` (or a new agent) to the answer of a small call:
 * udps://, udp:// and HTTPS over TCP, in turns. Prints milliseconds, and the median as round trips: divided by the median
 * of a bare echo between them, so that what the machine adds to a round trip of the link is in both.
 *
 *   node network/cold.mjs [--rounds 50] [--warm-ups 20] [--links wan] [--up …]
 */
import { parseArgs } from 'node:util';
import { Lab, LAB_OPTIONS } from './lab.mjs';
import { chosenLinks } from './links.mjs';
import { median, spread } from './statistics.mjs';

const { values } = parseArgs({
  options: {
    ...LAB_OPTIONS,
    rounds: { type: 'string', default: '50' },
    'warm-ups': { type: 'string', default: '20' },
    links: { type: 'string' },
  },
});
const lab = new Lab(values);
const LABELS = { echo: 'bare echo', udps: 'udps://', udp: 'udp://', https: 'HTTPS' };
for (const link of chosenLinks(values.links, lab.isEmulated)) {
  const times = await lab.onLink(link, measure);
  const rttMs = median(times.echo);
  console.log(`${link}, ${values.rounds} rounds: median (least..most)`);
  for (const [name, label] of Object.entries(LABELS)) {
    const roundTrips = (median(times[name]) / rttMs).toFixed(2);
    console.log(`  ${label.padEnd(10)} ${spread(times[name], 1).padStart(24)} ms  ${roundTrips} round trips`);
  }
}

async function measure() {
  const server = await lab.serve('cold');
  try {
    return await lab.run('cold', 'cold', server.port, values.rounds, values['warm-ups']);
  } finally {
    await server.stop();
  }
}
