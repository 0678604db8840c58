import fc from 'fast-check';
import { Cubic } from '../../../../src/transport/congestion/cubic.js';
import { type AckSample } from '../../../../src/transport/congestion/congestion-controller.js';
import { ackSample, lossSample, rateSample } from '../../../support/ack-sample.js';

const MSS = 1_200;
const RTT = 50;

function cubicOf(maxDatagramSize = MSS): Cubic {
  return new Cubic({ maxDatagramSize });
}

/** An ACK of a sender that had the window full, of a packet sent a round trip before. */
function fullAck(cubic: Cubic, bytes: number, now: number, fields: Partial<AckSample> = {}): void {
  const window = cubic.congestionWindow;
  cubic.onAck(ackSample(bytes, now - RTT, { priorBytesInFlight: window, smoothedRtt: RTT, ...fields }), now);
}

/** One window of ACKs, a datagram each, over a round trip. Returns the time behind it. */
function round(cubic: Cubic, now: number, rttMs = RTT): number {
  const acks = Math.floor(cubic.congestionWindow / MSS);
  for (let i = 1; i <= acks; i++) {
    fullAck(cubic, MSS, now + (rttMs * i) / acks, { smoothedRtt: rttMs, largestSentAt: now });
  }
  return now + rttMs;
}

/** In congestion avoidance with this window, after a cut at `at`. */
function cutTo(windowBytes: number, at: number): Cubic {
  const cubic = cubicOf();
  fullAck(cubic, windowBytes / 0.7 - cubic.congestionWindow, at - 1);
  cubic.onLoss(lossSample(at - 1), at);
  return cubic;
}

test('[CON-2] the window starts at 38,400 bytes or two datagrams, and slow start doubles it in a round trip', () => {
  expect(cubicOf().congestionWindow).toBe(38_400);
  expect(cubicOf(65_507).congestionWindow).toBe(131_014);
  const cubic = cubicOf();
  round(cubic, 1_000);
  expect(cubic.congestionWindow).toBe(76_800);
});

test('[CON-2] a loss cuts the window to seven tenths, once for all that was sent before the cut was known of', () => {
  const cubic = cubicOf();
  cubic.onLoss(lossSample(90), 100);
  expect(cubic.congestionWindow).toBe(Math.floor(0.7 * 38_400));
  cubic.onLoss(lossSample(100), 120);
  expect(cubic.congestionWindow).toBe(Math.floor(0.7 * 38_400));
  cubic.onLoss(lossSample(101), 130);
  expect(cubic.congestionWindow).toBe(Math.floor(0.49 * 38_400));
});

test('ACKs of what was sent before a cut let nothing grow', () => {
  const cubic = cutTo(84_000, 100);
  const before = cubic.congestionWindow;
  fullAck(cubic, 50_000, 140, { largestSentAt: 100 });
  expect(cubic.congestionWindow).toBe(before);
});

test('the window is back at the loss after K, and flat there (RFC 9438 §4.2)', () => {
  // From 700 to 1,000 datagrams: K = cbrt(300 / 0.4) = 9.086 s. Reno with alpha 0.53 adds 96 in that time.
  const cubic = cutTo(700 * MSS, 1_000);
  const kMs = 1_000 * Math.cbrt(300 / 0.4);
  let now = 1_050;
  const segments = (): number => cubic.congestionWindow / MSS;
  while (now < 1_050 + kMs / 2) now = round(cubic, now);
  // Half of K: 1,000 - 300 / 8, within what a round trip of 50 ms moves it there.
  expect(segments()).toBeGreaterThan(1_000 - 300 / 8 - 3);
  expect(segments()).toBeLessThan(1_000 - 300 / 8 + 3);
  while (now < 1_050 + kMs) now = round(cubic, now);
  expect(segments()).toBeGreaterThan(999);
  expect(segments()).toBeLessThan(1_001);
  // As long again beyond it: 300 more, on the convex side.
  while (now < 1_050 + 2 * kMs) now = round(cubic, now);
  expect(segments()).toBeGreaterThan(1_290);
  expect(segments()).toBeLessThan(1_310);
});

test('in small and fast networks it grows as Reno would (RFC 9438 §4.3)', () => {
  // Round trips of 2 ms: the cubic of 10 datagrams takes seconds, Reno adds 0.53 a round trip, and 1 beyond the loss.
  const cubic = cutTo(70 * MSS, 1_000);
  let now = 1_010;
  for (let i = 0; i < 20; i++) now = round(cubic, now, 2);
  const share = (3 * 0.3) / 1.7;
  expect(cubic.congestionWindow / MSS).toBeGreaterThan(70 + 20 * share - 0.5);
  expect(cubic.congestionWindow / MSS).toBeLessThan(70 + 20 * share + 0.5);
  while (cubic.congestionWindow < 100 * MSS) now = round(cubic, now, 2);
  const reached = cubic.congestionWindow;
  for (let i = 0; i < 10; i++) now = round(cubic, now, 2);
  expect((cubic.congestionWindow - reached) / MSS).toBeGreaterThan(9);
  expect((cubic.congestionWindow - reached) / MSS).toBeLessThan(10.5);
});

test('it never grows by more than half in a round trip (RFC 9438 §4.2)', () => {
  const cubic = cutTo(7 * MSS, 1_000);
  fullAck(cubic, MSS, 1_050);
  // A minute behind the plateau the cubic is at 86,400 datagrams; one window of ACKs brings 1.5 windows.
  const now = 61_050;
  const before = cubic.congestionWindow;
  for (let acked = 0; acked < before; acked += 100) {
    const step = cubic.congestionWindow;
    fullAck(cubic, 100, now);
    expect(cubic.congestionWindow - step).toBeLessThanOrEqual(51);
  }
});

test('a flow that loses before it is back gives way (RFC 9438 §4.7)', () => {
  const cubic = cutTo(700 * MSS, 1_000);
  cubic.onLoss(lossSample(1_010), 1_060);
  expect(cubic.congestionWindow).toBe(490 * MSS);
  // The plateau is now 0.85 of 700 = 595: reached after cbrt(105 / 0.4) = 6.40 s and not before.
  let now = 1_110;
  const kMs = 1_000 * Math.cbrt(105 / 0.4);
  while (now < 1_110 + kMs) now = round(cubic, now);
  expect(cubic.congestionWindow / MSS).toBeGreaterThan(594);
  expect(cubic.congestionWindow / MSS).toBeLessThan(596);
});

test('[CON-2] the window does not grow while the application is the limit, and that time does not count', () => {
  const cubic = cutTo(700 * MSS, 1_000);
  const twin = cutTo(700 * MSS, 1_000);
  fullAck(cubic, MSS, 1_050);
  fullAck(twin, MSS, 1_050);
  const before = cubic.congestionWindow;
  for (let now = 1_100; now < 20_000; now += 50) fullAck(cubic, MSS, now, { isAppLimited: true });
  expect(cubic.congestionWindow).toBe(before);
  fullAck(cubic, MSS, 20_000);
  fullAck(twin, MSS, 1_100);
  expect(Math.abs(cubic.congestionWindow - twin.congestionWindow)).toBeLessThan(1_200);
});

test('a silence does not count either', () => {
  const cubic = cutTo(700 * MSS, 1_000);
  const twin = cutTo(700 * MSS, 1_000);
  for (const each of [cubic, twin]) fullAck(each, MSS, 1_050);
  cubic.onPacketSent(MSS, MSS, 30_000);
  cubic.onPacketSent(MSS, 2 * MSS, 30_040);
  fullAck(cubic, MSS, 30_050);
  fullAck(twin, MSS, 1_100);
  expect(cubic.congestionWindow).toBe(twin.congestionWindow);
});

test('[CON-2] a window of which less than half is used does not grow, whoever is the limit', () => {
  const cubic = cubicOf();
  const used = (bytes: number): Partial<AckSample> => ({
    priorBytesInFlight: bytes,
    rate: rateSample({ inFlightAtSend: bytes }),
  });
  fullAck(cubic, MSS, 100, used(19_199));
  expect(cubic.congestionWindow).toBe(38_400);
  fullAck(cubic, MSS, 101, used(19_200));
  expect(cubic.congestionWindow).toBe(39_600);
});

test('persistent congestion leaves two datagrams; slow start ends at seven tenths of the window before', () => {
  const cubic = cubicOf();
  cubic.onLoss(lossSample(90, { isPersistentCongestion: true }), 100);
  expect(cubic.congestionWindow).toBe(2 * MSS);
  fullAck(cubic, 1e6, 200);
  expect(cubic.congestionWindow).toBe(26_880);
  fullAck(cubic, MSS, 201);
  // In congestion avoidance, with the curve at its flat part (RFC 9438 §4.8).
  expect(cubic.congestionWindow - 26_880).toBeLessThan(MSS);
  expect(cubic.isInSlowStart).toBe(false);
});

test('what is told lost later of the same silence cuts nothing more', () => {
  const cubic = cubicOf();
  cubic.onLoss(lossSample(90, { isPersistentCongestion: true }), 100);
  cubic.onLoss(lossSample(95), 101);
  fullAck(cubic, 1e6, 200);
  expect(cubic.congestionWindow).toBe(26_880);
});

describe('a cut that was a mistake (RFC 9438 §4.9)', () => {
  test('is undone: window, threshold and curve are as before', () => {
    const cubic = cutTo(700 * MSS, 1_000);
    const twin = cutTo(700 * MSS, 1_000);
    cubic.onLoss(lossSample(1_010), 1_060);
    cubic.onLossUndone();
    expect(cubic.congestionWindow).toBe(700 * MSS);
    for (const each of [cubic, twin]) {
      let now = 1_100;
      for (let i = 0; i < 100; i++) now = round(each, now);
    }
    expect(cubic.congestionWindow).toBe(twin.congestionWindow);
  });

  test('does not shield what was sent before it from a real loss', () => {
    const cubic = cubicOf();
    cubic.onLoss(lossSample(90), 100);
    cubic.onLossUndone();
    cubic.onLoss(lossSample(95), 110);
    expect(cubic.congestionWindow).toBe(26_880);
  });

  test('in slow start goes on with slow start', () => {
    const cubic = cubicOf();
    cubic.onLoss(lossSample(90), 100);
    cubic.onLossUndone();
    fullAck(cubic, 38_400, 200);
    expect(cubic.congestionWindow).toBe(76_800);
  });

  test('also persistent congestion, which was only a long delay', () => {
    const cubic = cubicOf();
    cubic.onLoss(lossSample(90, { isPersistentCongestion: true }), 100);
    cubic.onLossUndone();
    expect(cubic.congestionWindow).toBe(38_400);
    expect(cubic.isInSlowStart).toBe(true);
  });

  test('is undone once, only the last one, and never downwards', () => {
    const cubic = cubicOf();
    cubic.onLossUndone();
    expect(cubic.congestionWindow).toBe(38_400);
    cubic.onLoss(lossSample(90), 100);
    cubic.onLoss(lossSample(110), 120);
    cubic.onLossUndone();
    cubic.onLossUndone();
    expect(cubic.congestionWindow).toBe(26_880);

    const grown = cubicOf();
    grown.onLoss(lossSample(90), 100);
    for (let now = 200; grown.congestionWindow < 60_000;) now = round(grown, now);
    const window = grown.congestionWindow;
    grown.onLossUndone();
    expect(grown.congestionWindow).toBe(window);
  });
});

test('larger datagrams raise the least window, and the curve is one of such datagrams', () => {
  const cubic = cubicOf();
  for (let at = 100; at < 2_000; at += 100) cubic.onLoss(lossSample(at - 1), at);
  expect(cubic.congestionWindow).toBe(2_400);
  cubic.onMaxDatagramSize(65_507);
  expect(cubic.congestionWindow).toBe(131_014);
  cubic.onLoss(lossSample(5_000), 5_001);
  expect(cubic.congestionWindow).toBe(131_014);
});

test('a new path starts as a new connection', () => {
  const cubic = cutTo(700 * MSS, 1_000);
  cubic.reset();
  expect(cubic.congestionWindow).toBe(38_400);
  expect(cubic.isInSlowStart).toBe(true);
  cubic.onLoss(lossSample(10), 20);
  expect(cubic.congestionWindow).toBe(26_880);
});

test('slow start that HyStart++ ends goes on from its window, without a loss to return to', () => {
  const cubic = cubicOf();
  let delivered = 0;
  let now = 0;
  // Round trips that grow by 20 ms each: the second starts CSS, which never finds a shorter one.
  for (let turn = 0; cubic.isInSlowStart; turn++) {
    const rttMs = 50 + 20 * turn;
    const mark = delivered;
    now += rttMs;
    for (let i = 0; i < 10; i++) {
      delivered += MSS;
      const rate = rateSample({ priorDelivered: mark, totalDelivered: delivered, rttMs });
      fullAck(cubic, MSS, now, { rate });
    }
    expect(turn).toBeLessThan(10);
  }
  const before = cubic.congestionWindow;
  fullAck(cubic, MSS, now + 50);
  expect(cubic.congestionWindow).toBeLessThan(before + 100);
});

const event = fc.record({
  kind: fc.constantFrom('ack', 'ack', 'ack', 'loss', 'persistent', 'undone', 'size', 'idle' as const),
  wait: fc.constantFrom(0, 0.1, 1, 30, 500, 60_000),
  bytes: fc.integer({ min: 1, max: 200_000 }),
  size: fc.constantFrom(1_200, 1_452, 9_000, 65_507),
  isAppLimited: fc.boolean(),
  age: fc.constantFrom(0, 1, 40, 1_000),
});

test('[CON-2] whatever happens the window is finite, at least two datagrams, and cut once for what was sent before', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const cubic = cubicOf();
      let now = 1_000;
      let size = MSS;
      let lastCut = -Infinity;
      for (const { kind, wait, bytes, size: newSize, isAppLimited, age } of events) {
        now += wait;
        const before = cubic.congestionWindow;
        if (kind === 'ack') {
          fullAck(cubic, bytes, now, { isAppLimited, largestSentAt: now - age });
          expect(cubic.congestionWindow).toBeGreaterThanOrEqual(before);
          if (isAppLimited) expect(cubic.congestionWindow).toBe(before);
          expect(cubic.congestionWindow).toBeLessThanOrEqual(before + bytes + size + 1);
        } else if (kind === 'loss') {
          cubic.onLoss(lossSample(now - age), now);
          if (cubic.congestionWindow < before) {
            expect(now - age).toBeGreaterThan(lastCut);
            lastCut = now;
          }
        } else if (kind === 'persistent') {
          cubic.onLoss(lossSample(now - age, { isPersistentCongestion: true }), now);
          expect(cubic.congestionWindow).toBe(2 * size);
          lastCut = now;
        } else if (kind === 'undone') {
          cubic.onLossUndone();
          expect(cubic.congestionWindow).toBeGreaterThanOrEqual(before);
          // A cut that was undone does not count as one.
          lastCut = -Infinity;
        } else if (kind === 'size') {
          size = newSize;
          cubic.onMaxDatagramSize(size);
          expect(cubic.congestionWindow).toBeGreaterThanOrEqual(before);
        } else {
          cubic.onPacketSent(size, size, now);
          expect(cubic.congestionWindow).toBe(before);
        }
        expect(Number.isFinite(cubic.congestionWindow)).toBe(true);
        expect(cubic.congestionWindow).toBeGreaterThanOrEqual(2 * size);
      }
    }),
  );
});
