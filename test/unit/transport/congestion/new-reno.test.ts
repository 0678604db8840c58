import fc from 'fast-check';
import { type CongestionController } from '../../../../src/transport/congestion/congestion-controller.js';
import { NewReno } from '../../../../src/transport/congestion/new-reno.js';
import { ackSample as ack, lossSample as loss } from '../../../support/ack-sample.js';

const INITIAL = 32 * 1_200;

function newReno(): NewReno {
  return new NewReno({ maxDatagramSize: 1_200 });
}

test('[CON-2] starts with 32 datagrams of 1,200 bytes, or two larger ones', () => {
  expect(newReno().congestionWindow).toBe(INITIAL);
  expect(new NewReno({ maxDatagramSize: 65_507 }).congestionWindow).toBe(131_014);
});

test('slow start adds what was acknowledged: the window doubles in a round trip', () => {
  const controller = newReno();
  for (let i = 0; i < 32; i++) controller.onAck(ack(1_200, i));
  expect(controller.congestionWindow).toBe(2 * INITIAL);
  expect(controller.isInSlowStart).toBe(true);
});

test('congestion avoidance adds one datagram for each window acknowledged', () => {
  const controller = newReno();
  controller.onLoss(loss(0), 10);
  expect(controller.isInSlowStart).toBe(false);
  for (let i = 0; i < 15; i++) controller.onAck(ack(1_200, 20));
  expect(controller.congestionWindow).toBe(INITIAL / 2);
  controller.onAck(ack(1_200, 20));
  expect(controller.congestionWindow).toBe(INITIAL / 2 + 1_200);
  controller.onAck(ack(10 * INITIAL, 20));
  expect(controller.congestionWindow).toBeLessThan(INITIAL);
  expect(controller.congestionWindow).toBeGreaterThan(INITIAL / 2 + 10 * 1_200);
});

test('what was acknowledged before a cut counts for nothing after it', () => {
  const controller = newReno();
  controller.onLoss(loss(0), 10);
  controller.onAck(ack(INITIAL / 2 - 1, 20));
  controller.onLoss(loss(30), 40);
  controller.onAck(ack(1_200, 50));
  expect(controller.congestionWindow).toBe(INITIAL / 4);
});

test('[CON-2] a loss halves the window; losses sent before that are part of it, a later one cuts again', () => {
  const controller = newReno();
  controller.onLoss(loss(5), 60);
  expect(controller.congestionWindow).toBe(INITIAL / 2);
  controller.onLoss(loss(59), 61);
  controller.onLoss(loss(60), 62);
  expect(controller.congestionWindow).toBe(INITIAL / 2);
  controller.onLoss(loss(61), 120);
  expect(controller.congestionWindow).toBe(INITIAL / 4);
});

test('ACKs of packets sent before the cut do not grow it back', () => {
  const controller = newReno();
  controller.onLoss(loss(5), 60);
  controller.onAck(ack(10 * INITIAL, 60));
  expect(controller.congestionWindow).toBe(INITIAL / 2);
});

test('[CON-2] the window does not grow while the application is the limit', () => {
  const controller = newReno();
  controller.onAck(ack(1_200, 1, { isAppLimited: true }));
  expect(controller.congestionWindow).toBe(INITIAL);
});

describe('persistent congestion', () => {
  test('leaves two datagrams, from which slow start leads back to half of what was', () => {
    const controller = newReno();
    controller.onLoss(loss(500, { isPersistentCongestion: true }), 600);
    expect(controller.congestionWindow).toBe(2_400);
    expect(controller.isInSlowStart).toBe(true);
    controller.onAck(ack(2_400, 601));
    expect(controller.congestionWindow).toBe(4_800);
    controller.onAck(ack(INITIAL / 2 - 4_800, 610));
    expect(controller.congestionWindow).toBe(INITIAL / 2);
    expect(controller.isInSlowStart).toBe(false);
  });

  test('the rest of the same losses, found later, does not cut the way back', () => {
    const controller = newReno();
    controller.onLoss(loss(500, { isPersistentCongestion: true }), 600);
    controller.onLoss(loss(590), 605);
    controller.onAck(ack(2_400, 610));
    expect(controller.congestionWindow).toBe(4_800);
  });

  test('is obeyed also when the loss is part of an earlier cut', () => {
    const controller = newReno();
    controller.onLoss(loss(500), 600);
    controller.onLoss(loss(550, { isPersistentCongestion: true }), 605);
    expect(controller.congestionWindow).toBe(2_400);
    controller.onLoss(loss(602), 606);
    controller.onAck(ack(2_400, 610));
    expect(controller.congestionWindow).toBe(4_800);
  });
});

test('larger datagrams raise the smallest window, smaller ones leave the window', () => {
  const controller = newReno();
  controller.onMaxDatagramSize(65_507);
  expect(controller.congestionWindow).toBe(131_014);
  controller.onMaxDatagramSize(1_452);
  expect(controller.congestionWindow).toBe(131_014);
});

test('a reset forgets what was learned', () => {
  const controller = newReno();
  controller.onLoss(loss(5), 60);
  controller.onLoss(loss(61), 120);
  controller.reset();
  expect(controller.congestionWindow).toBe(INITIAL);
  controller.onAck(ack(1_200, 100));
  expect(controller.congestionWindow).toBe(INITIAL + 1_200);
});

test('[CON-2] whatever comes, the window stays at two datagrams or more and is cut at most once per round trip', () => {
  const event = fc.record({
    kind: fc.constantFrom('ack', 'ack', 'loss', 'persistent', 'size'),
    bytes: fc.integer({ min: 1, max: 100_000 }),
    age: fc.nat(80),
    wait: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const controller: CongestionController = newReno();
      let now = 0;
      let maxDatagramSize = 1_200;
      let lastCutAt = -Infinity;
      for (const { kind, bytes, age, wait } of events) {
        now += wait;
        const before = controller.congestionWindow;
        const sentAt = now - age;
        if (kind === 'ack') controller.onAck(ack(bytes, sentAt), now);
        else if (kind === 'size') controller.onMaxDatagramSize((maxDatagramSize = Math.max(1_200, bytes)));
        else controller.onLoss(loss(sentAt, { isPersistentCongestion: kind === 'persistent' }), now);

        if (kind === 'ack' || kind === 'size')
          expect(controller.congestionWindow).toBeGreaterThanOrEqual(before);
        else expect(controller.congestionWindow).toBeLessThanOrEqual(before);
        expect(controller.congestionWindow).toBeGreaterThanOrEqual(2 * maxDatagramSize);
        if (kind === 'loss' && controller.congestionWindow < before) {
          expect(sentAt).toBeGreaterThan(lastCutAt);
          expect(controller.congestionWindow).toBeGreaterThanOrEqual(before / 2);
          lastCutAt = now;
        }
        if (kind === 'persistent') lastCutAt = now;
      }
    }),
  );
});
