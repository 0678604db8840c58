import { isPersistentCongestion } from '../../../../src/transport/recovery/persistent-congestion.js';
import { ackOnlyPacket, sentPacket } from './packets.js';

/** RFC 9002 §7.6.3: packets 2 to 8, sent at these times, are declared lost when 9 is acknowledged. */
const sentAt = new Map([
  [2, 1],
  [3, 2],
  [4, 3],
  [5, 4],
  [6, 5],
  [7, 6],
  [8, 8],
]);
const lost = [...sentAt].map(([number, at]) => sentPacket(number, at));

test('the worked example of RFC 9002 §7.6.3 is persistent congestion', () => {
  expect(isPersistentCongestion(lost, -1, 6)).toBe(true);
});

test('a period that is only just reached is not', () => {
  expect(isPersistentCongestion(lost, -1, 7)).toBe(false);
});

test('a packet that arrived in between breaks the period', () => {
  expect(
    isPersistentCongestion(
      lost.filter((packet) => packet.packetNumber !== 5),
      -1,
      6,
    ),
  ).toBe(false);
});

test('packets sent before the first RTT sample do not count', () => {
  expect(isPersistentCongestion(lost, 1, 6)).toBe(false);
  expect(isPersistentCongestion(lost, 1, 5)).toBe(true);
});

test('the period begins and ends with ack-eliciting packets', () => {
  const begun = [ackOnlyPacket(2, 1), ...lost.slice(1)];
  expect(isPersistentCongestion(begun, -1, 6)).toBe(false);
  const ended = [...lost.slice(0, -1), ackOnlyPacket(8, 8)];
  expect(isPersistentCongestion(ended, -1, 6)).toBe(false);
  const between = lost.map((packet) => (packet.packetNumber === 5 ? ackOnlyPacket(5, 4) : packet));
  expect(isPersistentCongestion(between, -1, 6)).toBe(true);
});

test('nothing lost is not persistent', () => {
  expect(isPersistentCongestion([], -1, 6)).toBe(false);
});
