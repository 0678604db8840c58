import { SeededRandom } from '../../src/sim/seeded-random.js';
import { TwoEnds } from './harness/two-ends.js';

/** `lan-loss1` of netlab: 0.1 ms each way, 400 Mbit/s, 1 % lost; and timers that are up to 1 ms late, as Node's. */
function lan(): TwoEnds {
  const ends = new TwoEnds({ delayMs: 0.1, bytesPerMs: 50_000, lossRate: 0.01 });
  const lateness = new SeededRandom(3);
  for (const host of [ends.serverHost, ends.clientHost]) host.lateness = () => lateness.within(0, 1);
  return ends;
}

function echo(ends: TwoEnds): Promise<unknown> {
  return ends.client.echo({ payload: new Uint8Array(100) });
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN;
}

describe('on a LAN that loses one datagram in a hundred', () => {
  test('[REC-5] a lost call is repaired in a few milliseconds: p99 of one at a time is below 12', async () => {
    const ends = lan();
    const times: number[] = [];
    for (let call = 0; call < 2_000; call++) times.push((await ends.settle(ends.timed(echo(ends)))).ms);
    expect(quantile(times, 0.5)).toBeLessThan(0.5);
    expect(quantile(times, 0.99)).toBeLessThan(12);
    expect(quantile(times, 0.999)).toBeLessThan(30);
  }, 60_000);

  test('with 64 in flight a lost datagram delays the calls in it and no others', async () => {
    const ends = lan();
    // The connection stands, and has its round trip.
    for (let call = 0; call < 20; call++) await ends.settle(echo(ends));
    ends.set('up', { lossRate: 0 });
    ends.set('down', { lossRate: 0 });
    const undisturbed = await ends.settle(timesOf(ends));
    loseOne(ends);
    const disturbed = await ends.settle(timesOf(ends));
    const slowest = Math.max(...undisturbed);
    // Eight or nine requests fit into a datagram. The others show the sender what is missing: two more round trips.
    const late = disturbed.filter((ms) => ms > slowest);
    expect(late.length).toBeGreaterThan(0);
    expect(late.length).toBeLessThan(12);
    expect(Math.max(...disturbed)).toBeLessThan(slowest + 0.5);
  });
});

/** The next datagram of the client is lost, and no other. */
function loseOne(ends: TwoEnds): void {
  const before = ends.sent.length;
  ends.set('up', { lossRate: 1 });
  const { observer } = ends.network;
  ends.network.observer = {
    onDelivered: () => undefined,
    onFate: () => undefined,
    onSent: (datagram) => {
      observer?.onSent(datagram);
      if (ends.sent.length === before + 2) ends.set('up', { lossRate: 0 });
    },
  };
}

async function timesOf(ends: TwoEnds): Promise<number[]> {
  const timed = await Promise.all(Array.from({ length: 64 }, () => ends.timed(echo(ends))));
  return timed.map(({ ms }) => ms);
}
