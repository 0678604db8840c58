import fc from 'fast-check';
import { Bbr } from '../../../../src/transport/congestion/bbr.js';
import { type BbrState, PACING_GAIN } from '../../../../src/transport/congestion/bbr-gains.js';
import { type AckSample } from '../../../../src/transport/congestion/congestion-controller.js';
import { type RateSample } from '../../../../src/transport/recovery/delivery-rate.js';
import { PacketSpace, type SentPacket } from '../../../../src/transport/recovery/sent-packet.js';
import { ackSample, lossSample, rateSample } from '../../../support/ack-sample.js';
import { ScriptedRandom } from '../../../support/scripted-random.js';

const INITIAL = 32 * 1_200;
const RTT = 40;
/** Bytes per ms, and what of it is in flight in a round trip. */
const RATE = 1_000;
const BDP = RATE * RTT;
const MARGIN = 0.99;

type Fields = Partial<Omit<AckSample, 'rate'>> & { readonly rate?: Partial<RateSample> };

/** Tells a controller of a path in round trips: one ACK each, for everything that was in flight. */
class Told {
  readonly bbr: Bbr;
  now = 1_000;
  delivered = 0;
  lost = 0;
  nextPacket = 0;

  constructor(toleratedLoss = 0.15) {
    this.bbr = new Bbr({ maxDatagramSize: 1_200, random: new ScriptedRandom(), toleratedLoss });
  }

  round(deliveryRate: number, { rate, ...fields }: Fields = {}): void {
    const rttMs = rate?.rttMs ?? RTT;
    this.now += rttMs;
    const priorDelivered = this.delivered;
    const delivered = Math.round(deliveryRate * RTT);
    this.delivered += delivered;
    const inFlightAtSend = rate?.inFlightAtSend ?? delivered;
    const sample = rateSample({
      deliveryRate,
      delivered,
      priorDelivered,
      inFlightAtSend,
      totalDelivered: this.delivered,
      rttMs,
      ...rate,
    });
    const defaults = { bytesInFlight: delivered, smoothedRtt: rttMs, rate: sample };
    this.bbr.onAck(
      ackSample(delivered, this.now - rttMs, { ...defaults, ...fields, rate: sample }),
      this.now,
    );
  }

  rounds(count: number, deliveryRate: number, fields: Fields = {}): void {
    for (let i = 0; i < count; i++) this.round(deliveryRate, fields);
  }

  /** So many packets, none beside another. */
  lose(count: number, inFlight: number, isPersistentCongestion = false): void {
    const packets = Array.from({ length: count }, (): SentPacket => {
      const stamp = { delivered: 0, deliveredAt: 0, firstSentAt: 0, isAppLimited: false, inFlight, lost: 0 };
      const packetNumber = (this.nextPacket += 10);
      const space = PacketSpace.PROTECTED;
      const sent = { space, packetNumber, sentAt: this.now, bytes: 1_200, frames: [], rate: stamp };
      return { ...sent, isAckEliciting: true, isInFlight: true };
    });
    this.lost += count * 1_200;
    const told = { packets, lostBytes: count * 1_200, totalLost: this.lost, isPersistentCongestion };
    this.bbr.onLoss(lossSample(this.now, told), this.now);
  }

  /** From cruising to cruising; returns how many rounds it cruised first. */
  probe(deliveryRate: number): number {
    const isIn = (state: BbrState): boolean => this.bbr.state === state;
    let cruised = 0;
    for (; isIn('cruise'); cruised++) this.round(RATE);
    while (!isIn('down')) this.round(isIn('up') ? deliveryRate : RATE);
    while (!isIn('cruise')) this.round(deliveryRate, { bytesInFlight: BDP });
    return cruised;
  }

  /** Fills the path and comes to rest in the state, long after startup. */
  goTo(state: BbrState): this {
    if (state === 'startup') return this;
    this.rounds(4, RATE, { bytesInFlight: 2 * BDP });
    if (state === 'drain') return this;
    this.round(RATE, { bytesInFlight: BDP });
    if (state === 'down') return this;
    this.round(RATE, { bytesInFlight: BDP });
    // Three probes that find nothing, each after twice the wait of the one before: from then on waits are the draft's.
    for (let probe = 0; probe < 3; probe++) this.probe(RATE);
    if (state === 'cruise') return this;
    // BDP / 1,200 is a little more than 33 datagrams: 34 rounds from one to the next, two of which are over.
    this.rounds(32, RATE);
    expect(this.bbr.state).toBe('refill');
    if (state === 'refill') return this;
    this.round(RATE);
    return this;
  }
}

describe('startup', () => {
  test('[CON-2] begins with 32 datagrams of 1,200 bytes and no rate of its own', () => {
    const { bbr } = new Told();
    expect(bbr.congestionWindow).toBe(INITIAL);
    expect(bbr.pacingRate).toBeUndefined();
    const large = new Bbr({ maxDatagramSize: 65_507, random: new ScriptedRandom(), toleratedLoss: 0.15 });
    expect(large.congestionWindow).toBe(4 * 65_507);
  });

  test('sends the first window in a third of the first round trip, and never slower than that', () => {
    const told = new Told();
    told.round(10);
    expect(told.bbr.pacingRate).toBeCloseTo((2.77 * INITIAL) / RTT);
    told.round(1_000);
    expect(told.bbr.pacingRate).toBeCloseTo(2.77 * MARGIN * 1_000);
    told.round(10);
    expect(told.bbr.pacingRate).toBeCloseTo(2.77 * MARGIN * 1_000);
  });

  test('lets the window grow by what is acknowledged, up to twice the bandwidth-delay product and what comes in lumps', () => {
    const told = new Told();
    told.round(INITIAL / RTT);
    expect(told.bbr.congestionWindow).toBe(2 * INITIAL);
    told.round((2 * INITIAL) / RTT);
    expect(told.bbr.congestionWindow).toBe(4 * INITIAL);
  });

  test('ends when three rounds brought no quarter more, and drains', () => {
    const told = new Told();
    told.rounds(3, RATE, { bytesInFlight: 2 * BDP });
    expect(told.bbr.state).toBe('startup');
    expect(told.bbr.measuredInflight).toBeUndefined();
    told.round(RATE, { bytesInFlight: 2 * BDP });
    expect(told.bbr.state).toBe('drain');
    expect(told.bbr.measuredInflight).toBeGreaterThanOrEqual(BDP);
    expect(told.bbr.pacingRate).toBeCloseTo(0.5 * MARGIN * RATE);
  });

  test('goes on through random loss', () => {
    const told = new Told();
    for (const rate of [400, 800, 1_600, 3_200]) {
      told.round(rate);
      told.lose(Math.round((0.1 * rate * RTT) / 1_200), rate * RTT);
    }
    expect(told.bbr.state).toBe('startup');
  });

  test('ends at once when losses come with a queue', () => {
    const told = new Told();
    told.rounds(2, RATE);
    told.round(RATE, { rate: { rttMs: 2 * RTT } });
    told.lose(20, 2 * BDP);
    told.round(RATE, { bytesInFlight: 2 * BDP });
    expect(told.bbr.state).toBe('drain');
  });

  test('does not end, and its window does not grow, while the application is the limit', () => {
    const told = new Told();
    told.round(10, { isAppLimited: true, rate: { isAppLimited: true } });
    told.rounds(20, 10, { isAppLimited: true, rate: { isAppLimited: true } });
    expect(told.bbr.state).toBe('startup');
    expect(told.bbr.congestionWindow).toBe(INITIAL);
  });
});

describe('the cycle', () => {
  test('goes from drain to down when the queue is gone, or after three rounds', () => {
    const drained = new Told().goTo('drain');
    drained.round(RATE, { bytesInFlight: BDP + 1 });
    expect(drained.bbr.state).toBe('drain');
    drained.round(RATE, { bytesInFlight: BDP });
    expect(drained.bbr.state).toBe('down');
    expect(drained.bbr.pacingRate).toBeCloseTo(0.9 * MARGIN * RATE);
    const stuck = new Told().goTo('drain');
    stuck.rounds(3, RATE, { bytesInFlight: 2 * BDP });
    expect(stuck.bbr.state).toBe('drain');
    stuck.round(RATE, { bytesInFlight: 2 * BDP });
    expect(stuck.bbr.state).toBe('down');
  });

  test('cruises at the bandwidth with one and a half bandwidth-delay products in flight', () => {
    const told = new Told().goTo('cruise');
    expect(told.bbr.state).toBe('cruise');
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
    told.rounds(12, RATE);
    // And what an ACK for everything in flight brings at once: a round's worth.
    expect(told.bbr.congestionWindow).toBeLessThanOrEqual(1.5 * BDP + BDP);
    expect(told.bbr.congestionWindow).toBeGreaterThanOrEqual(1.5 * BDP);
  });

  test('refills for a round, then sends a quarter more until three rounds brought nothing', () => {
    const told = new Told().goTo('refill');
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
    told.round(RATE);
    expect(told.bbr.state).toBe('up');
    expect(told.bbr.pacingRate).toBeCloseTo(1.25 * MARGIN * RATE);
    told.rounds(2, RATE);
    expect(told.bbr.state).toBe('up');
    told.round(RATE);
    expect(told.bbr.state).toBe('down');
  });

  test('goes on upward while there is more', () => {
    const told = new Told().goTo('up');
    for (let rate = RATE; rate < 10 * RATE; rate *= 1.25) told.round(rate * 1.25);
    expect(told.bbr.state).toBe('up');
    expect(told.bbr.pacingRate).toBeGreaterThan(1.25 * MARGIN * 10 * RATE);
  });

  test('a bandwidth that is gone is forgotten after two cycles', () => {
    const told = new Told().goTo('cruise');
    const half = (): void => {
      told.round(RATE / 2, { bytesInFlight: BDP / 2 });
    };
    for (let probes = 0; probes < 2;) {
      const before = told.bbr.state;
      half();
      if (before === 'up' && told.bbr.state === 'down') probes++;
    }
    for (let i = 0; i < 3; i++) half();
    expect(told.bbr.pacingRate).toBeCloseTo((MARGIN * RATE) / 2);
  });
});

describe('early probes', () => {
  test('come soon after startup, and each that finds nothing doubles the wait', () => {
    const told = new Told();
    told.rounds(4, RATE, { bytesInFlight: 2 * BDP });
    told.rounds(2, RATE, { bytesInFlight: BDP });
    expect(told.bbr.state).toBe('cruise');
    // An eighth, a quarter, half and all of the 33.3 datagrams of a BDP, in whole rounds; two are over by then.
    expect([1, 2, 3, 4].map(() => told.probe(RATE))).toEqual([5 - 2, 9 - 2, 17 - 2, 34 - 2]);
  });

  test('one that finds clearly more is followed by another as soon', () => {
    const told = new Told().goTo('cruise');
    expect(told.probe(1.5 * RATE)).toBe(34 - 2);
    expect(told.probe(RATE)).toBeLessThan(10);
  });
});

test('a full path has 0.7 of its share and what comes acknowledged in lumps in flight, not all of it and the lumps', () => {
  const told = new Told().goTo('cruise');
  // Each round trip comes acknowledged in one lump.
  const lump = BDP;
  expect(told.bbr.congestionWindow).toBe(0.7 * 1.5 * BDP + lump);
});

test('a full path whose ACKs come evenly has one and a half products in flight', () => {
  const told = new Told().goTo('cruise');
  // The lumps of before are behind what the bandwidth explains, and ten round trips later they are forgotten.
  told.now += 2 * RTT;
  for (let ms = 0; ms < 12 * RTT; ms++) {
    told.now += 1;
    told.delivered += RATE;
    const { delivered } = told;
    const totals = { delivered: BDP, priorDelivered: delivered - BDP, totalDelivered: delivered };
    const rate = rateSample({ deliveryRate: RATE, inFlightAtSend: BDP, rttMs: RTT, ...totals });
    told.bbr.onAck(ackSample(RATE, told.now - RTT, { bytesInFlight: BDP, smoothedRtt: RTT, rate }), told.now);
  }
  expect(told.bbr.congestionWindow).toBe(1.5 * BDP);
});

describe('loss', () => {
  test('of one in ten without a queue changes nothing, round after round', () => {
    const told = new Told().goTo('cruise');
    for (let i = 0; i < 30; i++) {
      told.lose(4, BDP);
      told.round(0.9 * RATE);
    }
    expect(told.bbr.state).toBe('cruise');
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
  });

  test('with a standing queue slows down to what is delivered, by three tenths a round at most', () => {
    const told = new Told().goTo('cruise');
    const queued = { rate: { rttMs: 2 * RTT } };
    told.round(RATE / 2, queued);
    told.lose(8, 2 * BDP);
    told.round(RATE / 2, queued);
    expect(told.bbr.pacingRate).toBeCloseTo(0.7 * MARGIN * RATE);
    told.lose(8, 2 * BDP);
    told.round(RATE / 2, queued);
    expect(told.bbr.pacingRate).toBeCloseTo((MARGIN * RATE) / 2);
  });

  test('while the path delivers much less than before slows down without a queue', () => {
    const told = new Told().goTo('cruise');
    told.round(RATE / 2);
    told.lose(8, BDP);
    told.round(RATE / 2);
    expect(told.bbr.pacingRate).toBeCloseTo(0.7 * MARGIN * RATE);
  });

  test('above what is tolerated slows down whatever the round trip says', () => {
    const told = new Told().goTo('cruise');
    told.round(0.9 * RATE);
    told.lose(20, BDP);
    told.round(0.9 * RATE);
    expect(told.bbr.pacingRate).toBeCloseTo(0.9 * MARGIN * RATE);
    const tolerant = new Told(0.5).goTo('cruise');
    tolerant.round(0.9 * RATE);
    tolerant.lose(20, BDP);
    tolerant.round(0.9 * RATE);
    expect(tolerant.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
  });

  test('the next probing forgets the slower rate', () => {
    const told = new Told().goTo('cruise');
    const queued = { rate: { rttMs: 2 * RTT } };
    told.round(RATE / 2, queued);
    told.lose(8, 2 * BDP);
    told.round(RATE / 2, queued);
    while (told.bbr.state !== 'refill') told.round(0.7 * RATE, { rate: { rttMs: RTT + 1 } });
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
  });

  test('with a queue while probing ends it, and leaves 0.7 of what was in flight, less room for others when cruising', () => {
    const told = new Told().goTo('up');
    const inFlight = 100_000;
    told.round(RATE, { bytesInFlight: inFlight, rate: { rttMs: 2 * RTT, inFlightAtSend: inFlight } });
    told.lose(10, inFlight);
    expect(told.bbr.state).toBe('down');
    told.round(RATE, { bytesInFlight: inFlight });
    expect(told.bbr.congestionWindow).toBe(Math.floor(0.7 * inFlight));
    told.round(RATE, { bytesInFlight: BDP });
    expect(told.bbr.state).toBe('cruise');
    expect(told.bbr.congestionWindow).toBe(Math.floor(0.85 * 0.7 * inFlight));
  });

  test('that was none brings back window, bounds and probing', () => {
    const told = new Told().goTo('up');
    const before = told.bbr.congestionWindow;
    const inFlight = 60_000;
    told.round(RATE, { rate: { rttMs: 2 * RTT } });
    told.lose(10, inFlight);
    told.round(RATE);
    expect(told.bbr.congestionWindow).toBeLessThan(before);
    told.bbr.onLossUndone(told.now);
    expect(told.bbr.congestionWindow).toBeGreaterThanOrEqual(before);
    expect(told.bbr.state).toBe('refill');
    told.bbr.onLossUndone(told.now);
    expect(told.bbr.state).toBe('refill');
  });

  test('a startup that ended by losses that were none goes on', () => {
    const told = new Told();
    told.rounds(2, RATE);
    told.round(RATE, { rate: { rttMs: 2 * RTT } });
    told.lose(20, 2 * BDP);
    told.round(RATE, { bytesInFlight: 2 * BDP });
    told.bbr.onLossUndone(told.now);
    expect(told.bbr.state).toBe('startup');
  });

  test('persistent congestion leaves four datagrams, which grow by what arrives', () => {
    const told = new Told().goTo('cruise');
    told.lose(30, BDP, true);
    expect(told.bbr.congestionWindow).toBe(4 * 1_200);
    told.round((4 * 1_200) / RTT, { bytesInFlight: 0 });
    expect(told.bbr.congestionWindow).toBe(2 * 4 * 1_200);
  });
});

describe('probing the round trip', () => {
  const queued = { bytesInFlight: 2 * BDP, rate: { rttMs: RTT + 5, inFlightAtSend: 2 * BDP } };

  function probing(): Told {
    const told = new Told().goTo('cruise');
    while (told.bbr.state !== 'probeRtt') told.round(RATE, queued);
    expect(told.now - 1_000).toBeGreaterThan(5_000);
    return told;
  }

  test('after five seconds with a queue keeps half a bandwidth-delay product in flight for 200 ms, then goes on as before', () => {
    const told = probing();
    expect(told.bbr.congestionWindow).toBeLessThanOrEqual(BDP / 2);
    const emptiedAt = told.now;
    while (told.bbr.state === 'probeRtt') told.round(RATE / 2, { bytesInFlight: BDP / 2 - 1 });
    expect(told.now - emptiedAt).toBeGreaterThan(200);
    expect(told.now - emptiedAt).toBeLessThanOrEqual(200 + 3 * RTT);
    expect(told.bbr.state).toBe('cruise');
    expect(told.bbr.congestionWindow).toBeGreaterThan(BDP);
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
  });

  test('does not slow down for losses meanwhile', () => {
    const told = probing();
    told.round(RATE / 2, { bytesInFlight: BDP / 2 - 1 });
    told.lose(2, BDP / 2);
    while (told.bbr.state === 'probeRtt') told.round(RATE / 2, { bytesInFlight: BDP / 2 - 1 });
    expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
  });

  test('is not needed by a sender that is idle in between', () => {
    const told = new Told().goTo('cruise');
    for (let i = 0; i < 200; i++) {
      told.bbr.onPacketSent(1_200, 1_200, told.now);
      told.round(24, { isAppLimited: true, rate: { rttMs: RTT + 5, isAppLimited: true } });
      expect(told.bbr.state).not.toBe('probeRtt');
    }
  });

  test('ends when nothing is in flight any more and its time is over', () => {
    const told = probing();
    told.round(RATE / 2, { bytesInFlight: 0 });
    told.bbr.onPacketSent(1_200, 1_200, told.now + 201);
    expect(told.bbr.state).toBe('cruise');
  });
});

test('after a silence it goes on at the bandwidth', () => {
  const told = new Told().goTo('up');
  told.bbr.onPacketSent(1_200, 1_200, told.now + 60_000);
  expect(told.bbr.pacingRate).toBeCloseTo(MARGIN * RATE);
});

test('larger datagrams raise the smallest window', () => {
  const { bbr } = new Told();
  bbr.onMaxDatagramSize(65_507);
  expect(bbr.congestionWindow).toBe(4 * 65_507);
  bbr.onMaxDatagramSize(1_452);
  expect(bbr.congestionWindow).toBe(4 * 65_507);
});

test('on a new path it starts anew', () => {
  const told = new Told().goTo('up');
  told.bbr.reset(told.now);
  expect(told.bbr.state).toBe('startup');
  expect(told.bbr.congestionWindow).toBe(INITIAL);
  expect(told.bbr.pacingRate).toBeUndefined();
  told.delivered = 0;
  told.round(10);
  expect(told.bbr.pacingRate).toBeCloseTo((2.77 * INITIAL) / RTT);
});

test('[CON-2] whatever comes, the window stays at two datagrams or more, the rate positive and finite, and neither grows by what the application limits', () => {
  const event = fc.record({
    kind: fc.constantFrom('ack', 'ack', 'ack', 'lose', 'persistent', 'undo', 'size', 'sent', 'reset'),
    rate: fc.double({ min: 0, max: 1e7, noNaN: true }),
    rttMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
    count: fc.integer({ min: 1, max: 200 }),
    isAppLimited: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const told = new Told();
      const { bbr } = told;
      let size = 1_200;
      for (const { kind, rate, rttMs, count, isAppLimited } of events) {
        const before = bbr.congestionWindow;
        const wasProbingRtt = bbr.state === 'probeRtt';
        if (kind === 'ack') {
          const bytesInFlight = count * 1_200;
          const fields = { isAppLimited, bytesInFlight, minRtt: rttMs, latestRtt: rttMs };
          told.round(rate, { ...fields, rate: { rttMs, isAppLimited, inFlightAtSend: bytesInFlight } });
          if (isAppLimited && !wasProbingRtt) expect(bbr.congestionWindow).toBeLessThanOrEqual(before);
        } else if (kind === 'undo') bbr.onLossUndone(told.now);
        else if (kind === 'size') bbr.onMaxDatagramSize((size = 1_200 + count * 300));
        else if (kind === 'sent') bbr.onPacketSent(1_200, 1_200 * count, told.now);
        else if (kind === 'reset') {
          bbr.reset(told.now);
          told.delivered = 0;
        } else {
          told.lose(count, count * 1_200, kind === 'persistent');
          expect(bbr.congestionWindow).toBeLessThanOrEqual(before);
        }
        expect(bbr.congestionWindow).toBeGreaterThanOrEqual(2 * size);
        expect(Number.isFinite(bbr.congestionWindow)).toBe(true);
        if (bbr.pacingRate === undefined) continue;
        expect(bbr.pacingRate).toBeGreaterThan(0);
        expect(bbr.pacingRate).toBeLessThan(Infinity);
      }
    }),
  );
});

test('every state sends at some rate', () => {
  for (const gain of Object.values(PACING_GAIN)) expect(gain).toBeGreaterThan(0);
});
