import { RoundTrips } from '../../../../src/transport/congestion/round-trips.js';
import { rateSample } from '../../../support/ack-sample.js';

function isStart(rounds: RoundTrips, priorDelivered: number, totalDelivered: number): boolean {
  rounds.onAck(rateSample({ priorDelivered, totalDelivered }));
  return rounds.isStart;
}

test('a round begins with the ACK of something sent after the last began', () => {
  const rounds = new RoundTrips();
  expect(isStart(rounds, 0, 1_000)).toBe(true);
  expect(isStart(rounds, 0, 2_000)).toBe(false);
  expect(isStart(rounds, 999, 3_000)).toBe(false);
  expect(isStart(rounds, 1_000, 4_000)).toBe(true);
  expect(isStart(rounds, 3_000, 5_000)).toBe(false);
  expect(isStart(rounds, 4_000, 6_000)).toBe(true);
});

test('restarted, it waits for something sent from then on', () => {
  const rounds = new RoundTrips();
  isStart(rounds, 0, 1_000);
  isStart(rounds, 0, 2_000);
  rounds.restart();
  expect(isStart(rounds, 1_500, 3_000)).toBe(false);
  expect(isStart(rounds, 2_000, 4_000)).toBe(true);
});

test('on a new path it counts from nothing', () => {
  const rounds = new RoundTrips();
  isStart(rounds, 0, 1_000);
  rounds.reset();
  expect(rounds.isStart).toBe(false);
  expect(isStart(rounds, 0, 100)).toBe(true);
});
