/**
 * Two flows on one link: ours beside TCP, and ours beside ours. Each starts first in every second round, by three seconds;
 * after ten more seconds their goodput is counted. Prints both and their ratio.
 *
 *   node network/share.mjs [--rounds 4] [--seconds 60] [--links wan] [--controllers default] [--beside cubic,bbr,udprpc] [--up …]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Lab, LAB_OPTIONS } from './lab.mjs';
import { chosenLinks } from './links.mjs';
import { spread } from './statistics.mjs';

const { values } = parseArgs({
  options: {
    ...LAB_OPTIONS,
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '60' },
    links: { type: 'string' },
    controllers: { type: 'string', default: 'default' },
    beside: { type: 'string', default: 'cubic,bbr,udprpc' },
  },
});
const lab = new Lab(values);
const HEAD_START_S = 3;
const WARM_UP_S = 10;
const IMAGE_BYTES = 1_000_000;
for (const link of chosenLinks(values.links, lab.isEmulated)) {
  for (const controller of values.controllers.split(',')) {
    for (const beside of values.beside.split(',')) await measure(link, controller, beside);
  }
}

async function measure(link, controller, beside) {
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    rounds.push(await lab.onLink(link, () => pair(controller, beside, round % 2 === 0)));
  }
  const other = beside === 'udprpc' ? 'udprpc' : `TCP ${beside}`;
  console.log(`${link}: udprpc ${controller} beside ${other}, ${values.seconds} s, Mbit/s`);
  for (const [label, isFirst] of [
    ['ours first', true],
    ['ours second', false],
  ]) {
    const half = rounds.filter((_, i) => (i % 2 === 0) === isFirst);
    if (half.length === 0) continue;
    const [ours, theirs] = [half.map((pairOf) => pairOf.ours), half.map((pairOf) => pairOf.theirs)];
    const ratio = spread(
      half.map((pairOf) => pairOf.ours / pairOf.theirs),
      2,
    );
    console.log(
      `  ${label.padEnd(12)} ${spread(ours, 1).padEnd(22)} beside ${spread(theirs, 1).padEnd(22)} ${ratio}x`,
    );
  }
}

async function pair(controller, beside, oursFirst) {
  const isTcp = beside !== 'udprpc';
  if (isTcp && values.tcp !== undefined) lab.useTcp(beside);
  const ourServer = await lab.serve('udprpc', controller, IMAGE_BYTES);
  const theirServer = await lab.serve(isTcp ? 'http' : 'udprpc', controller, IMAGE_BYTES);
  const total = HEAD_START_S + WARM_UP_S + Number(values.seconds);
  const ours = async (seconds) => lab.run('flow', 'udprpc', ourServer.port, controller, seconds);
  const theirs = async (seconds) =>
    lab.run('flow', isTcp ? 'http' : 'udprpc', theirServer.port, controller, seconds);
  const [first, second] = oursFirst ? [ours, theirs] : [theirs, ours];
  const running = first(total);
  await sleep(HEAD_START_S * 1_000);
  const results = [await Promise.all([running, second(total - HEAD_START_S)])].flat();
  const goodput = ({ perSecond }) => {
    const counted = perSecond.slice(-Number(values.seconds));
    return (counted.reduce((sum, bytes) => sum + bytes, 0) * 8) / 1e6 / counted.length;
  };
  await Promise.all([ourServer.stop(), theirServer.stop()]);
  const [firstGoodput, secondGoodput] = results.map(goodput);
  return oursFirst
    ? { ours: firstGoodput, theirs: secondGoodput }
    : { ours: secondGoodput, theirs: firstGoodput };
}
