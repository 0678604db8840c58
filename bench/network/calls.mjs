/**
 * Small calls over a link: one at a time, and many in flight. Prints p50, p99 and the slowest, in milliseconds.
 *
 *   node network/calls.mjs [--rounds 5] [--seconds 10] [--links lan-loss1] [--in-flight 1,64] [--controllers default] [--up …]
 */
import { parseArgs } from 'node:util';
import { Lab, LAB_OPTIONS } from './lab.mjs';
import { chosenLinks } from './links.mjs';
import { quantile, spread } from './statistics.mjs';

const { values } = parseArgs({
  options: {
    ...LAB_OPTIONS,
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    links: { type: 'string' },
    'in-flight': { type: 'string', default: '1,64' },
    controllers: { type: 'string', default: 'default' },
  },
});
const lab = new Lab(values);
const IMAGE_BYTES = 1_000;
for (const link of chosenLinks(values.links, lab.isEmulated)) {
  for (const controller of values.controllers.split(',')) {
    for (const inFlight of values['in-flight'].split(',')) {
      const samples = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        samples.push(await lab.onLink(link, () => measure(controller, inFlight)));
      }
      const at = (fraction) =>
        spread(
          samples.map(({ times }) => quantile(times, fraction)),
          2,
        );
      const count = samples.reduce((sum, { times }) => sum + times.length, 0);
      const lost = samples.reduce((sum, { stats }) => sum + stats.packetsLost, 0);
      console.log(`${link}, ${controller}, ${inFlight} in flight: ${count} calls, ${lost} packets lost`);
      console.log(`  p50 ${at(0.5)}   p99 ${at(0.99)}   slowest ${at(1)} ms`);
    }
  }
}

async function measure(controller, inFlight) {
  const server = await lab.serve('udprpc', controller, IMAGE_BYTES);
  try {
    return await lab.run('calls', 'udprpc', server.port, controller, inFlight, values.seconds);
  } finally {
    await server.stop();
  }
}
