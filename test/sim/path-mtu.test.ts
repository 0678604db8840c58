/** What the path carries changes or differs, and nobody says so. */
import { type Datagram } from '../../src/sim/link.js';
import { SERVER_IP, TwoEnds } from './harness/two-ends.js';

const MIB = 1 << 20;

/** When the client got each datagram that carries data, and how large it was. */
function watch(ends: TwoEnds, serverIp = SERVER_IP): { readonly at: number; readonly bytes: number }[] {
  const arrived: { at: number; bytes: number }[] = [];
  ends.network.observer = {
    onSent: () => undefined,
    onDelivered: ({ from, bytes }: Datagram) => {
      if (from.ip === serverIp && bytes.length > 500)
        arrived.push({ at: ends.clock.now(), bytes: bytes.length });
    },
    onFate: () => undefined,
  };
  return arrived;
}

function largest(arrived: readonly { readonly bytes: number }[]): number {
  return arrived.reduce((most, { bytes }) => Math.max(most, bytes), 0);
}

async function download(ends: TwoEnds, payloadBytes: number): Promise<void> {
  const payload = Uint8Array.from({ length: payloadBytes }, (_, index) => index * 7 + (index >> 9));
  const { payload: back } = await ends.settle(ends.client.echo({ payload }, { timeoutMs: 100_000 }));
  expect(Buffer.compare(back, payload)).toBe(0);
}

test('the path MTU falls in mid-transfer without ICMP: no stall above 3 s', async () => {
  const ends = new TwoEnds({ delayMs: 20, bytesPerMs: 1_250, queueDatagrams: 100, maxDatagramBytes: 1_472 });
  await download(ends, MIB);
  const arrived = watch(ends);
  ends.clock.setTimer(() => {
    // 1,280 less the headers of IPv4 and UDP.
    ends.set('up', { maxDatagramBytes: 1_252 });
    ends.set('down', { maxDatagramBytes: 1_252 });
  }, 3_200);
  await download(ends, 3 * MIB);
  const fellAt = arrived.findLastIndex(({ bytes }) => bytes > 1_252);
  expect(largest(arrived.slice(0, fellAt + 1))).toBe(1_452);
  expect(largest(arrived.slice(fellAt + 1))).toBe(1_252);
  const stalls = arrived.map(({ at }, index) => at - (arrived[index - 1]?.at ?? at));
  // Found by the first PTO, which is some round trips of 40 ms; the bound of the project is 3 s.
  expect(Math.max(...stalls)).toBeLessThan(500);
  await ends.close();
});

test('[MTU-8] a larger MTU is found again after the raise timer', async () => {
  const ends = new TwoEnds({ delayMs: 5, bytesPerMs: 10_000, maxDatagramBytes: 1_300 });
  await download(ends, 3 * MIB);
  ends.set('up', { maxDatagramBytes: 1_472 });
  ends.set('down', { maxDatagramBytes: 1_472 });
  const arrived = watch(ends);
  await download(ends, MIB);
  expect(largest(arrived)).toBe(1_252);
  // A connection that is not used would be let go: a call that goes on keeps it.
  for (let count = 0; count < 2; count++) {
    await ends.settle(
      ends.client.echo({ payload: Uint8Array.of(1), delayMs: 300_000 }, { timeoutMs: 400_000 }),
    );
  }
  await download(ends, MIB);
  expect(largest(arrived)).toBe(1_452);
  await ends.close();
});

test('[MTU-2] loopback finds 65,507', async () => {
  const ends = new TwoEnds({ delayMs: 0.05 }, {}, { server: '127.0.0.2', client: '127.0.0.1' });
  const arrived = watch(ends, '127.0.0.2');
  await download(ends, MIB);
  expect(largest(arrived)).toBe(65_507);
  // With the first probe that was sent.
  expect(arrived.filter(({ bytes }) => bytes <= 1_200).length).toBeLessThan(100);
  await ends.close();
});
