/**
 * One process of a measurement: `serve CONTESTANT DIRECTORY` tells its port, and its CPU time when it is asked; `fetch
 * CONTESTANT PORT BYTES FETCHES` says when it is warm, and is told to go.
 */
import { once } from 'node:events';
import { timed } from '../network/contestants/payload.mjs';

const [mode, contestant, ...args] = process.argv.slice(2);
const { serve, connect } = await import(`./contestants/${contestant}.mjs`);

/** Until V8 has compiled what there is to compile, and windows have grown to what they become. */
const WARM_UP_FETCHES = 6;

if (mode === 'serve') {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send((user + system) / 1_000);
  });
  process.send(await serve(args[0]));
} else {
  const [port, bytes, fetches] = args.map(Number);
  const fetchOnce = await connect(port, bytes);
  const fetch = async (count) => {
    let received = 0;
    for (let i = 0; i < count; i++) received += await fetchOnce();
    return { bytes: received };
  };
  await fetch(WARM_UP_FETCHES);
  process.send('warm');
  await once(process, 'message');
  process.send(await timed(() => fetch(fetches)));
}
