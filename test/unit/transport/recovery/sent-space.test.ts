import fc from 'fast-check';
import { SentSpace } from '../../../../src/transport/recovery/sent-space.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { ackOnlyPacket, errorCodeOf, rangesOf, sentPacket } from './packets.js';

const limits = { maxAckOnlyPackets: 10, maxLostRemembered: 10 };

function isRefused(space: SentSpace, acked: readonly number[]): boolean {
  return (
    errorCodeOf(() => {
      space.checkWasSent(Math.max(...acked), rangesOf(acked));
    }) === TransportErrorCode.PROTOCOL_VIOLATION
  );
}

describe('an ACK of what was never sent', () => {
  test('[ACK-6] beyond the last packet', () => {
    const space = new SentSpace(limits);
    expect(isRefused(space, [0])).toBe(true);
    space.add(sentPacket(0, 0));
    expect(isRefused(space, [0])).toBe(false);
    expect(isRefused(space, [1])).toBe(true);
  });

  test('[ACK-6] of a number that was skipped, wherever it stands in the ACK', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 8 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { minLength: 1 }),
        (skipped, acked) => {
          const space = new SentSpace(limits);
          for (let number = 0; number <= 31; number++) {
            if (!skipped.includes(number)) space.add(sentPacket(number, 0));
          }
          expect(isRefused(space, acked)).toBe(acked.some((number) => skipped.includes(number)));
        },
      ),
    );
  });
});

test('ACK-only packets that nobody acknowledges are bounded, of every age some, the others untouched', () => {
  const space = new SentSpace(limits);
  for (let number = 0; number < 1_000; number++) {
    space.add(number % 100 === 50 ? sentPacket(number, 0) : ackOnlyPacket(number, 0));
    expect(space.outstanding.at(space.outstanding.seek(number)).packetNumber).toBe(number);
    expect(space.outstanding.count - space.packetsInFlight).toBeLessThanOrEqual(limits.maxAckOnlyPackets);
  }
  expect(space.packetsInFlight).toBe(10);
  const kept = [1, 500].map((number) => space.outstanding.at(space.outstanding.seek(number)));
  expect(kept[0]?.packetNumber).toBeLessThan(500);
  expect(kept[1]?.packetNumber).toBeLessThan(999);
});

test('what is in flight is counted by packet', () => {
  const space = new SentSpace(limits);
  space.add(ackOnlyPacket(0, 0));
  expect(space.hasAckElicitingInFlight).toBe(false);
  space.add(sentPacket(1, 5, { isAckEliciting: false }));
  expect(space.hasAckElicitingInFlight).toBe(false);
  expect(space.packetsInFlight).toBe(1);
  space.add(sentPacket(2, 7));
  expect(space.lastAckElicitingSentAt).toBe(7);
  expect(space.hasAckElicitingInFlight).toBe(true);
  space.takeAcknowledged([2, 2], []);
  expect(space.hasAckElicitingInFlight).toBe(false);
  expect(space.packetsInFlight).toBe(1);
});
