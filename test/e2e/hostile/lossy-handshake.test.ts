/** Handshakes of TLS over links that lose datagrams: each succeeds, and what one loss costs is one probe. */
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { certificates } from '../../support/certificates.js';
import { DatagramRelay, type Fate, type Passing } from '../../support/datagram-relay.js';
import { closeAll, closeLater, connectTo, serveEcho } from '../../support/tls-fixture.js';

afterEach(closeAll);

const HANDSHAKES = process.env['UDPRPC_LONG'] === '1' ? 50 : 12;

interface Outcome {
  readonly ms: number;
  readonly ptoCount: number;
  readonly datagrams: Readonly<Record<Passing['from'], number>>;
}

/** One connection and one call over it, through somebody who decides what becomes of its datagrams. */
async function callOver(initialRttMs: number, fate: Fate): Promise<Outcome> {
  const { authority, localServer } = await certificates();
  const transport = { initialRttMs };
  const { port } = await serveEcho({ tls: localServer, transport });
  const datagrams = { client: 0, server: 0 };
  const relay = await DatagramRelay.open(port, () => (passing) => {
    datagrams[passing.from]++;
    return fate(passing);
  });
  closeLater(() => relay.close());
  const { channel, client } = connectTo(relay.port, { tls: { ca: authority.cert }, transport });
  const start = performance.now();
  const payload = Uint8Array.of(1, 2, 3);
  const answer = await client.echo({ payload }, { retry: false, timeoutMs: 20_000 });
  expect(answer.payload).toEqual(payload);
  const { ptoCount } = channel.stats() ?? { ptoCount: -1 };
  return { ms: performance.now() - start, ptoCount, datagrams: { ...datagrams } };
}

test(`${HANDSHAKES} of ${HANDSHAKES} handshakes succeed where three of ten datagrams are lost, each way`, async () => {
  const random = new SeededRandom(7);
  const outcomes: Outcome[] = [];
  for (let i = 0; i < HANDSHAKES; i++) {
    outcomes.push(await callOver(20, ({ bytes }) => (random.fraction() < 0.3 ? [] : [bytes])));
    await closeAll();
  }
  const times = outcomes.map(({ ms }) => Math.round(ms)).sort((a, b) => a - b);
  console.log(
    `handshakes at 30 % loss: ${outcomes.length} of ${HANDSHAKES}, ${times[0]} to ${times.at(-1)} ms, median ${times[times.length >> 1]}`,
  );
  expect(outcomes).toHaveLength(HANDSHAKES);
}, 300_000);

describe('the loss of any one datagram of the handshake', () => {
  /** Long enough that no other work of the machine comes near a PTO. */
  const INITIAL_RTT_MS = 400;
  /** Of the first flight (RFC 9002 §6.2.2); later ones are shorter. Two in a row take three times as long. */
  const PTO_MS = 3 * INITIAL_RTT_MS;

  test('costs one PTO at most', async () => {
    const undisturbed = await callOver(INITIAL_RTT_MS, ({ bytes }) => [bytes]);
    await closeAll();
    const lines: string[] = [];
    for (const from of ['client', 'server'] as const) {
      for (let lost = 0; lost < undisturbed.datagrams[from]; lost++) {
        const outcome = await callOver(INITIAL_RTT_MS, (it) =>
          it.from === from && it.index === lost ? [] : [it.bytes],
        );
        await closeAll();
        lines.push(`${from} ${lost}: ${Math.round(outcome.ms)} ms, ${outcome.ptoCount} PTO`);
        const extraMs = outcome.ms - undisturbed.ms;
        expect([from, lost, Math.max(extraMs, 2 * PTO_MS)]).toEqual([from, lost, 2 * PTO_MS]);
      }
    }
    console.log(`one datagram lost (none: ${Math.round(undisturbed.ms)} ms): ${lines.join('; ')}`);
  }, 60_000);
});
