import { ProbeRtt } from '../../../../src/transport/congestion/probe-rtt.js';
import { rateSample } from '../../../support/ack-sample.js';

const delivered = (totalDelivered: number, priorDelivered = 0) =>
  rateSample({ totalDelivered, priorDelivered });

test('lasts 200 ms from when the path is emptied, and a round', () => {
  const probe = new ProbeRtt();
  probe.begin(delivered(1_000));
  expect(probe.onAck(delivered(2_000), false, true, 100)).toBe(false);
  expect(probe.isOver(false, 10_000)).toBe(false);
  expect(probe.onAck(delivered(3_000), true, false, 200)).toBe(true);
  probe.onAck(delivered(4_000), true, true, 300);
  expect(probe.isOver(false, 400)).toBe(false);
  expect(probe.isOver(false, 401)).toBe(true);
});

test('a round trip longer than that is waited for, unless nothing is in flight', () => {
  const probe = new ProbeRtt();
  probe.begin(delivered(1_000));
  probe.onAck(delivered(3_000), true, false, 200);
  expect(probe.isOver(false, 700)).toBe(false);
  expect(probe.isOver(true, 700)).toBe(true);
  probe.onAck(delivered(4_000), true, true, 800);
  expect(probe.isOver(false, 800)).toBe(true);
});

test('knows the packets that were sent in it', () => {
  const probe = new ProbeRtt();
  expect(probe.includes(delivered(0, 0))).toBe(false);
  probe.begin(delivered(1_000));
  probe.onAck(delivered(5_000, 900), true, false, 200);
  expect(probe.includes(delivered(6_000, 999))).toBe(false);
  expect(probe.includes(delivered(6_000, 1_000))).toBe(true);
  expect(probe.includes(delivered(6_000, 5_000))).toBe(true);
  expect(probe.includes(delivered(6_000, 5_001))).toBe(false);
  probe.reset();
  expect(probe.includes(delivered(6_000, 3_000))).toBe(false);
});
