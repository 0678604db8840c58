/** What lost datagrams do to the handshake of TLS: seldom anything but a wait, and never more than one PTO for one datagram. */
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { closeAll, connectTo, relayTo, serveEcho, type TlsServer } from '../../support/tls-fixture.js';
import { certificates } from '../../support/certificates.js';
import { type Fate, type Passing } from '../../support/datagram-relay.js';
import { isLong, printFigures } from '../../support/long-run.js';

afterEach(closeAll);

const payload = Uint8Array.of(1, 2, 3);

interface Connected {
  readonly ms: number;
  readonly ptoCount: number;
  readonly smoothedRttMs: number;
  /** Datagrams on their way, until the answer was there. */
  readonly counts: Readonly<Record<Passing['from'], number>>;
}

/** From the first datagram to the answer of a call. */
async function connectThrough(
  server: TlsServer,
  ca: string,
  fate: Fate,
  { initialRttMs, delayMs = 0 }: { readonly initialRttMs: number; readonly delayMs?: number },
): Promise<Connected> {
  const counts = { client: 0, server: 0 };
  const counting: Fate = (passing) => {
    counts[passing.from]++;
    return fate(passing);
  };
  const relay = await relayTo(server, () => counting, delayMs);
  const { channel, client } = connectTo(relay.port, { tls: { ca }, transport: { initialRttMs } });
  const startedAt = performance.now();
  expect(await client.echo({ payload }, { retry: false, timeoutMs: 20_000 })).toEqual({ payload });
  const ms = performance.now() - startedAt;
  const { ptoCount = NaN, smoothedRttMs = NaN } = channel.stats() ?? {};
  const connected = { ms, ptoCount, smoothedRttMs, counts: { ...counts } };
  await channel.close();
  await relay.close();
  return connected;
}

const TRIES = isLong ? 50 : 12;

test(`with 30 % of the datagrams lost in each direction ${TRIES} handshakes of ${TRIES} succeed`, async () => {
  const { authority, localServer } = await certificates();
  const server = await serveEcho({ tls: localServer, transport: { initialRttMs: 30 } });
  let lostCount = 0;
  let passedCount = 0;
  const tries = Array.from({ length: TRIES }, (_, seed) => {
    const random = { client: new SeededRandom(seed), server: new SeededRandom(seed + 1_000) };
    const fate: Fate = ({ from, bytes }) => {
      if (random[from].fraction() < 0.3) {
        lostCount++;
        return [];
      }
      passedCount++;
      return [bytes];
    };
    return connectThrough(server, authority.cert, fate, { initialRttMs: 30 });
  });
  const connected = await Promise.all(tries);
  const times = connected.map(({ ms }) => ms).sort((a, b) => a - b);
  printFigures(
    'handshakes at 30 % loss each way',
    `${connected.length} of ${TRIES} succeeded`,
    `${lostCount} of ${lostCount + passedCount} datagrams lost`,
    `first answer after ${times[TRIES >> 1]?.toFixed(0)} ms in the middle, ${times.at(-1)?.toFixed(0)} ms at the latest`,
  );
  expect(lostCount / (lostCount + passedCount)).toBeGreaterThan(0.2);
}, 60_000);

/** Both ends begin with the round trip that they will measure, so that a PTO is about the same before the first sample and behind it. */
const ROUND_TRIP_MS = 400;
/** RFC 9002 §6.2.1, where the variance is half of the round trip (§5.3). */
const PTO_RTTS = 3;

test('the loss of any one datagram of a handshake costs one PTO at most', async () => {
  const { authority, localServer } = await certificates();
  const initialRttMs = ROUND_TRIP_MS;
  const server = await serveEcho({ tls: localServer, transport: { initialRttMs } });
  const losing = (lost?: Pick<Passing, 'from' | 'index'>): Promise<Connected> =>
    connectThrough(
      server,
      authority.cert,
      ({ from, index, bytes }) => (from === lost?.from && index === lost.index ? [] : [bytes]),
      { initialRttMs, delayMs: ROUND_TRIP_MS / 2 },
    );
  const undisturbed = await losing();
  const lost = (['client', 'server'] as const).flatMap((from) =>
    Array.from({ length: undisturbed.counts[from] }, (_, index) => ({ from, index })),
  );
  const runs = await Promise.all(lost.map(async (which) => ({ which, ...(await losing(which)) })));
  const costOf = ({ ms }: Connected): number => ms - undisturbed.ms;
  printFigures(
    `one datagram of a handshake lost (round trip ${ROUND_TRIP_MS} ms, PTO ${PTO_RTTS * ROUND_TRIP_MS} ms)`,
    `none: ${undisturbed.ms.toFixed(0)} ms`,
    ...runs.map((run) => {
      const { from, index } = run.which;
      return `${from}'s ${index + 1}.: +${costOf(run).toFixed(0)} ms, ${run.ptoCount} PTO`;
    }),
    `${server.watch.connections.reduce((sum, { ptoCount }) => sum + ptoCount, 0)} PTO of the server`,
  );
  expect(undisturbed.ptoCount).toBe(0);
  expect(runs.filter(({ ptoCount }) => ptoCount > 1)).toEqual([]);
  expect(server.watch.connections.filter(({ ptoCount }) => ptoCount > 1)).toEqual([]);
  // A second one, twice as long, would end three of the first after the loss. What the machine adds is in its round trip too.
  expect(runs.filter((run) => costOf(run) >= 2 * PTO_RTTS * run.smoothedRttMs)).toEqual([]);
}, 60_000);
