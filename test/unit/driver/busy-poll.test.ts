/** When the event loop stays awake for the next datagram, and how long, in time that the test moves. */
import { type Clock } from '../../../src/base/clock.js';
import { BusyPoll } from '../../../src/driver/busy-poll.js';

const LIMIT_US = 50;
/** In ms: soon, too late for who is awake, and too late also for who slept. */
const SOON = 0.04;
const LATE = 0.06;
const VERY_LATE = 0.11;

/** Turns of an event loop that takes no time for them, and of which `awake` says that it would not sleep. */
function loop(limitUs = LIMIT_US) {
  let now = 1_000;
  let pending: (() => void)[] = [];
  const clock: Pick<Clock, 'now' | 'atEndOfTurn'> = {
    now: () => now,
    atEndOfTurn: (callback) => {
      pending.push(callback);
    },
  };
  const poll = new BusyPoll(clock as Clock, limitUs);
  return {
    /** How many callbacks keep the loop from sleeping. */
    awake: () => pending.length,
    after(ms: number): void {
      now += ms;
      const due = pending;
      pending = [];
      for (const callback of due) callback();
    },
    /** A datagram after so much time, and an answer to it. */
    exchange(afterMs: number): void {
      this.after(afterMs);
      poll.onDatagram();
      poll.onSent();
    },
    sent: () => {
      poll.onSent();
    },
    received: () => {
      poll.onDatagram();
    },
  };
}

function exchangesBeforeAwake(turns: ReturnType<typeof loop>, gapMs: number): number {
  let count = 0;
  turns.exchange(gapMs);
  for (; turns.awake() === 0 && count < 100; count++) turns.exchange(gapMs);
  return count;
}

describe('BusyPoll', () => {
  test('sleeps until datagrams have come soon after what was sent, eleven in a row at first', () => {
    expect(exchangesBeforeAwake(loop(), SOON)).toBe(11);
  });

  test('always sleeps where they come later', () => {
    expect(exchangesBeforeAwake(loop(), VERY_LATE)).toBe(100);
  });

  test('stays awake for the limit after the last sending, and no longer', () => {
    const turns = loop();
    exchangesBeforeAwake(turns, SOON);
    for (let us = 0; us < LIMIT_US - 1; us++) {
      expect(turns.awake()).toBe(1);
      turns.after(0.001);
    }
    turns.sent();
    turns.after(SOON);
    expect(turns.awake()).toBe(1);
    turns.after(LATE - SOON);
    expect(turns.awake()).toBe(0);
  });

  test('takes twice as long for soon while it sleeps, which is late itself', () => {
    expect(exchangesBeforeAwake(loop(), 2 * LIMIT_US * 0.00099)).toBe(11);
  });

  test('gives up after three that it waited for in vain, and begins again when they come soon', () => {
    const turns = loop();
    for (let i = 0; i < 50; i++) turns.exchange(SOON);
    for (const isAwake of [1, 1, 0]) {
      turns.after(LATE);
      turns.exchange(LATE);
      expect(turns.awake()).toBe(isAwake);
    }
    for (const isAwake of [0, 0, 1]) {
      turns.exchange(SOON);
      expect(turns.awake()).toBe(isAwake);
    }
  });

  test('what comes without anything being sent keeps nobody awake', () => {
    const turns = loop();
    exchangesBeforeAwake(turns, SOON);
    for (let us = 0; us <= LIMIT_US; us++) {
      turns.after(0.001);
      turns.received();
    }
    expect(turns.awake()).toBe(0);
    turns.after(VERY_LATE);
    for (let i = 0; i < 100; i++) turns.received();
    turns.sent();
    expect(turns.awake()).toBe(0);
  });

  test('0 sleeps always', () => {
    expect(exchangesBeforeAwake(loop(0), 0)).toBe(100);
  });
});
