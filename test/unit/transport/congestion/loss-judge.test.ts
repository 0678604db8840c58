import { LossJudge } from '../../../../src/transport/congestion/loss-judge.js';
import { PacketSpace, type SentPacket } from '../../../../src/transport/recovery/sent-packet.js';

const SIZE = 1_200;

function packet(packetNumber: number, isInFlight = true): SentPacket {
  return {
    space: PacketSpace.PROTECTED,
    packetNumber,
    sentAt: 0,
    bytes: SIZE,
    isAckEliciting: isInFlight,
    isInFlight,
    frames: [],
  };
}

/** `lostCount` losses, none beside another, and `deliveredCount` that arrived. */
function judge(
  lostCount: number,
  deliveredCount: number,
  hasSymptom: boolean,
  toleratedLoss = 0.15,
): boolean {
  const losses = new LossJudge(toleratedLoss);
  for (let i = 0; i < lostCount; i++) losses.onLost([packet(10 * i)]);
  losses.onDelivered(deliveredCount * SIZE);
  return losses.isCongestion(hasSymptom, SIZE);
}

test('no loss is no congestion', () => {
  expect(judge(0, 100, true)).toBe(false);
});

test('with a queue or a fallen rate, 2 % and what chance adds are the limit', () => {
  // Of 400: 8 expected, and two standard deviations of 2.8 each.
  expect(judge(13, 387, true)).toBe(false);
  expect(judge(14, 386, true)).toBe(true);
});

test('without them the tolerated share is', () => {
  // Of 400: 60 expected, and two standard deviations of 7.1 each.
  expect(judge(74, 326, false)).toBe(false);
  expect(judge(75, 325, false)).toBe(true);
  expect(judge(1, 399, false, 0)).toBe(true);
});

test('of losses in a row four count: the rest is an outage', () => {
  const losses = new LossJudge(0.15);
  const outage = Array.from({ length: 100 }, (_, i) => packet(1_000 + i));
  // Found in two passes, with an ACK-only packet in between.
  losses.onLost([...outage.slice(0, 60), packet(2_000, false)]);
  losses.onLost(outage.slice(60));
  losses.onDelivered(100 * SIZE);
  expect(losses.isCongestion(false, SIZE)).toBe(false);
  losses.startRound();
  losses.onLost(outage.map(({ packetNumber }) => packet(packetNumber * 3)));
  losses.onDelivered(100 * SIZE);
  expect(losses.isCongestion(false, SIZE)).toBe(true);
});

test('a round that begins has lost nothing', () => {
  const losses = new LossJudge(0);
  losses.onLost([packet(1)]);
  losses.startRound();
  expect(losses.isCongestion(true, SIZE)).toBe(false);
});
