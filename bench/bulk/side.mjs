/**
 * One process of a measurement: `serve CONTESTANT DIRECTORY` tells its port, and its CPU time when it is asked; `fetch
 * CONTESTANT PORT BYTES` says when it is ready, and fetches the image each time it is told to.
 */
import { timed } from '../network/contestants/payload.mjs';

const [mode, contestant, ...args] = process.argv.slice(2);
const { serve, connect } = await import(`./contestants/${contestant}.mjs`);

// Who measures is gone.
process.on('disconnect', () => process.exit());

if (mode === 'serve') {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send((user + system) / 1_000);
  });
  process.send(await serve(args[0]));
} else {
  const [port, bytes] = args.map(Number);
  const fetch = await connect(port, bytes);
  process.on('message', () => {
    void timed(async () => ({ bytes: await fetch() })).then((result) => process.send(result));
  });
  process.send('ready');
}
