import fc from 'fast-check';
import {
  MAX_PACKET_NUMBER,
  decodePacketNumber,
  packetNumberLength,
  type PacketNumberLength,
} from '../../../../src/transport/wire/packet-number.js';

const LENGTHS: readonly PacketNumberLength[] = [1, 2, 3, 4];

describe('packet numbers', () => {
  test.each([
    [0, -1, 1],
    [126, -1, 1],
    [127, -1, 2],
    [227, 100, 1],
    [228, 100, 2],
    [100 + 0x7fff, 100, 2],
    [100 + 0x8000, 100, 3],
    [100 + 0x7f_ffff, 100, 3],
    [100 + 0x80_0000, 100, 4],
  ])('[PKN-2] %d after %d was acknowledged takes %d bytes', (packetNumber, largestAcked, length) => {
    expect(packetNumberLength(packetNumber, largestAcked)).toBe(length);
  });

  test('[PKN-2] more than 2^31 unacknowledged packets, or a number acknowledged before it was sent, is our bug', () => {
    expect(() => packetNumberLength(0x8000_0000, 0)).toThrow('assertion');
    expect(() => packetNumberLength(5, 5)).toThrow('assertion');
  });

  test('[PKN-3] a number is completed rightly by every receiver that got what was acknowledged', () => {
    const near = fc.record({
      largestAcked: fc.oneof(fc.constant(-1), fc.nat(100_000), fc.maxSafeNat()),
      ahead: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0x7fff_ffff })),
      received: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(near, ({ largestAcked, ahead, received }) => {
        const packetNumber = largestAcked + ahead;
        fc.pre(packetNumber <= MAX_PACKET_NUMBER);
        const length = packetNumberLength(packetNumber, largestAcked);
        // It may have received more than what it acknowledged, and this packet may come late.
        const largestReceived = largestAcked + Math.floor(received * (ahead - 1));
        const truncated = packetNumber % 2 ** (8 * length);
        expect(decodePacketNumber(truncated, length, largestReceived)).toBe(packetNumber);
      }),
      { numRuns: 2_000 },
    );
  });

  test('[PKN-3] a packet that comes late is completed downwards', () => {
    expect(decodePacketNumber(0xff, 1, 0x100)).toBe(0xff);
    expect(decodePacketNumber(0x01, 1, 0xff)).toBe(0x101);
  });

  test('[PKN-1] what is completed is always a safe integer with the same low bytes', () => {
    const largest = fc.oneof(
      fc.constantFrom(-1, 0, MAX_PACKET_NUMBER, MAX_PACKET_NUMBER - 1),
      fc.nat(0x2_0000),
      fc.nat(0x2_0000).map((below) => MAX_PACKET_NUMBER - below),
      fc.maxSafeNat(),
    );
    fc.assert(
      fc.property(
        largest,
        fc.constantFrom(...LENGTHS),
        fc.nat(0xffff_ffff),
        (largestReceived, length, bits) => {
          const truncated = bits % 2 ** (8 * length);
          const decoded = decodePacketNumber(truncated, length, largestReceived);
          expect(Number.isSafeInteger(decoded) && decoded >= 0).toBe(true);
          expect(decoded % 2 ** (8 * length)).toBe(truncated);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
