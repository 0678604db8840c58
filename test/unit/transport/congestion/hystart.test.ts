import { HyStart } from '../../../../src/transport/congestion/hystart.js';
import { ackSample, rateSample } from '../../../support/ack-sample.js';

const MSS = 1_200;

/** Rounds of ACKs, each of packets sent after the round before was acknowledged. */
class Rounds {
  readonly hystart = new HyStart();
  private delivered = 0;

  /** Acknowledges `acks` datagrams with this RTT, in one round. Returns how much each let the window grow. */
  next(rttMs: number, acks = 8): number[] {
    const mark = this.delivered;
    return Array.from({ length: acks }, () => {
      this.delivered += MSS;
      const rate = rateSample({ priorDelivered: mark, totalDelivered: this.delivered, rttMs });
      return this.hystart.onAck(ackSample(MSS, 0, { rate }));
    });
  }
}

test('with a steady round trip it is slow start', () => {
  const rounds = new Rounds();
  for (let i = 0; i < 20; i++) expect(rounds.next(50)).toEqual(Array<number>(8).fill(MSS));
  expect([rounds.hystart.isConservative, rounds.hystart.isFinished]).toEqual([false, false]);
});

test.each([
  // An eighth of the last round, at least 4 ms and at most 16.
  [8, 11.9, 12],
  [80, 89.9, 90],
  [400, 415.9, 416],
])('after a round of %f ms one of %f is the same and one of %f begins CSS', (before, same, longer) => {
  const steady = new Rounds();
  steady.next(before);
  steady.next(same);
  expect(steady.hystart.isConservative).toBe(false);
  const grown = new Rounds();
  grown.next(before);
  // The eighth sample decides, and already counts a quarter.
  expect(grown.next(longer)).toEqual([...Array<number>(7).fill(MSS), MSS / 4]);
  expect(grown.hystart.isConservative).toBe(true);
});

test('fewer than eight samples say nothing', () => {
  const rounds = new Rounds();
  rounds.next(50);
  rounds.next(90, 7);
  expect(rounds.hystart.isConservative).toBe(false);
});

test('the smallest round trip of a round counts: single late packets are no queue', () => {
  const rounds = new Rounds();
  rounds.next(50);
  const [first] = rounds.next(50, 1);
  expect(first).toBe(MSS);
  expect(rounds.hystart.isConservative).toBe(false);
});

test('CSS ends slow start in the fifth round after that in which it began', () => {
  const rounds = new Rounds();
  rounds.next(50);
  rounds.next(60);
  for (let i = 0; i < 4; i++) {
    expect(rounds.next(60)).toEqual(Array<number>(8).fill(MSS / 4));
    expect(rounds.hystart.isFinished).toBe(false);
  }
  rounds.next(60, 1);
  expect(rounds.hystart.isFinished).toBe(true);
});

test('CSS gives up when the round trip is short again, and may begin anew', () => {
  const rounds = new Rounds();
  rounds.next(50);
  rounds.next(60);
  rounds.next(59.9);
  expect(rounds.hystart.isConservative).toBe(false);
  expect(rounds.next(59)).toEqual(Array<number>(8).fill(MSS));
  rounds.next(80);
  expect(rounds.hystart.isConservative).toBe(true);
});
