import { MESSAGES_PER_TURN, TurnShare } from '../../../src/rpc/turn-share.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';

test('is spent after so many messages, and whole again when the turn has ended', () => {
  const clock = new VirtualClock();
  let turns = 0;
  const share = new TurnShare(clock, () => turns++);
  for (let round = 1; round <= 3; round++) {
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      expect(share.isSpent).toBe(false);
      share.spend();
    }
    expect([share.isSpent, turns]).toEqual([true, round - 1]);
    clock.endTurn();
    expect([share.isSpent, turns]).toEqual([false, round]);
  }
});

test('asks for nothing before it is spent', () => {
  const clock = new VirtualClock();
  const share = new TurnShare(clock, () => undefined);
  share.spend();
  expect(clock.hasUnfinishedTurn).toBe(false);
});
