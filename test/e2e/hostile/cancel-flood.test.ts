/** Calls that are made only to be cancelled, beside an honest client. */
import { jest } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { CloseCode } from '../../../src/rpc/framing/reset-code.js';
import { MAX_ATTACK_BYTES } from '../../support/attack-bounds.js';
import { cancelFlood } from '../../support/cancel-flood.js';
import { beside, besideText, heldBytes } from '../../support/honest-neighbour.js';
import { HostileSocket } from '../../support/hostile-socket.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { closeAll, closeLater, serveEcho } from '../../support/tls-fixture.js';

jest.setTimeout(120_000);

afterEach(closeAll);

const PER_SECOND = 20_000;
/** Until the server ends it; the default is 5. */
const SECONDS = isLong ? 30 : 3;
/** Time for it to be one: a busy machine may have a second in which it is none. */
const LONGEST_MS = 3 * SECONDS * 1_000;
/** Not within the seconds that have to be a flood without a pause. */
const LOOK_MS = 2 * SECONDS * 1_000;
/** As many as a client may have open. */
const MAX_RUNNING = 100;

test.each([
  ['obey their signal', 0],
  ['ignore it for 20 ms', 20],
])('[RPC-13] 20,000 calls a second, each cancelled at once, of handlers that %s', async (title, ms) => {
  let started = 0;
  let running = 0;
  let mostRunning = 0;
  const server = await serveEcho(
    { cancelFloodSeconds: SECONDS },
    {
      put: async ({ value }) => {
        started++;
        mostRunning = Math.max(mostRunning, ++running);
        if (ms > 0) await wait(ms);
        running--;
        return { value };
      },
    },
  );
  const before = heldBytes();
  const cpuBefore = process.cpuUsage();
  const socket = await HostileSocket.connect(server.port);
  closeLater(() => socket.close());
  const [connection] = server.watch.connections;
  if (connection === undefined) throw new Error('the server knows nothing of it');
  const flooding = cancelFlood(socket, connection, PER_SECOND, LONGEST_MS);
  const meanwhile = await beside(server.port, flooding, undefined, LOOK_MS);
  const flood = await flooding;
  const cpu = process.cpuUsage(cpuBefore);
  const cpuMs = (cpu.user + cpu.system) / 1_000;
  const perSecond = (1_000 * flood.cancelled) / flood.ms;
  printFigures(
    `calls cancelled at once, of handlers that ${title}`,
    `${flood.cancelled} in ${flood.ms.toFixed(0)} ms, ${perSecond.toFixed(0)} a second, in ${cpuMs.toFixed(0)} ms of CPU`,
    `${started} handlers started, ${mostRunning} at once at most`,
    `${((meanwhile.heldBytes - before) / (1 << 20)).toFixed(1)} MiB held at most`,
    besideText(meanwhile),
  );
  expect(connection.closed?.code).toBe(CloseCode.CANCEL_FLOOD);
  expect(started).toBeGreaterThan(0);
  expect(mostRunning).toBeLessThanOrEqual(MAX_RUNNING);
  expect(meanwhile.heldBytes - before).toBeLessThan(MAX_ATTACK_BYTES);
});
