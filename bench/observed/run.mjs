/**
 * What it costs to be looked at: small unary calls, 64 in flight, with nobody looking on and with those who could. All server and
 * client processes live at the same time and take turns of a quarter of a second. Prints medians with min and max, and the
 * ratios of the turns of one round to those with nobody.
 *
 *   npm run observed -- [--rounds 40] [--turn-ms 250]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spread } from '../network/statistics.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    'turn-ms': { type: 'string', default: '250' },
  },
});
const SIDE = fileURLToPath(new URL('side.mjs', import.meta.url));
/** For the names of events, which no entry point has. */
const LOADER = new URL('../../test/support/typescript.mjs', import.meta.url).href;
/** Until V8 has compiled what runs. */
const WARM_UPS = 8;

const children = [];
const clients = {};
try {
  for (const name of ['bare', 'events', 'tracing', 'logging']) {
    const server = start(name);
    const [port] = await once(server, 'message');
    clients[name] = start(name, String(port));
    await once(clients[name], 'message');
  }
  const rates = Object.fromEntries(Object.keys(clients).map((name) => [name, []]));
  for (let round = -WARM_UPS; round < Number(values.rounds); round++) {
    for (const [name, client] of Object.entries(clients)) {
      const told = once(client, 'message');
      client.send(Number(values['turn-ms']));
      const [rate] = await told;
      if (round >= 0) rates[name].push(rate);
    }
  }
  console.log(`node ${process.version}, ${values.rounds} rounds; median (min..max)`);
  for (const [name, own] of Object.entries(rates)) {
    const ratios = own.map((rate, round) => rate / rates.bare[round]);
    console.log(`${name.padEnd(8)} ${spread(own, 0).padStart(24)} calls/s   ${spread(ratios, 3)}x`);
  }
} finally {
  for (const child of children) child.kill();
}

function start(...args) {
  const child = fork(SIDE, args, { execArgv: ['--import', LOADER] });
  children.push(child);
  return child;
}
