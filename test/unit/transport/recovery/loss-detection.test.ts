import fc from 'fast-check';
import { detectLoss, lossDelay } from '../../../../src/transport/recovery/loss-detection.js';
import { SentPacketLog } from '../../../../src/transport/recovery/sent-packet-log.js';
import { sentPacket } from './packets.js';

function outstanding(
  packets: readonly { readonly number: number; readonly sentAt: number }[],
): SentPacketLog {
  const log = new SentPacketLog();
  for (const { number, sentAt } of packets) log.append(sentPacket(number, sentAt));
  return log;
}

describe('the packet threshold', () => {
  test('[REC-1] a packet is lost when one three numbers later is acknowledged, not two', () => {
    const log = outstanding([{ number: 5, sentAt: 0 }]);
    expect(detectLoss(log, [], 7, 3, 1_000, 1)).toEqual({ lostBelow: 0, lossTime: 1_000 });
    expect(detectLoss(log, [], 8, 3, 1_000, 1)).toEqual({ lostBelow: 6, lossTime: undefined });
  });

  test('a larger threshold waits for more', () => {
    const log = outstanding([{ number: 5, sentAt: 0 }]);
    expect(detectLoss(log, [], 14, 10, 1_000, 1).lostBelow).toBe(0);
    expect(detectLoss(log, [], 15, 10, 1_000, 1).lostBelow).toBe(6);
  });
});

describe('the time threshold', () => {
  test('the loss time that is handed out is when the packet is lost, to the last bit', () => {
    const delay = lossDelay(0.1, 0.7, 1 / 8);
    const log = outstanding([{ number: 1, sentAt: 0.3 }]);
    const { lossTime } = detectLoss(log, [], 2, 3, delay, 0.4);
    expect(lossTime).toBe(0.3 + delay);
    expect(detectLoss(log, [], 2, 3, delay, lossTime ?? 0)).toEqual({ lostBelow: 2, lossTime: undefined });
  });

  test('[REC-1] is nine eighths of the larger RTT, and at least the granularity', () => {
    expect(lossDelay(80, 40, 1 / 8)).toBe(90);
    expect(lossDelay(40, 80, 1 / 8)).toBe(90);
    expect(lossDelay(0.1, 0.1, 1 / 8)).toBe(1);
  });
});

test('a packet above the largest acknowledged is never lost and sets no time', () => {
  const log = outstanding([{ number: 5, sentAt: 0 }]);
  expect(detectLoss(log, [], 4, 3, 10, 1e9)).toEqual({ lostBelow: 0, lossTime: undefined });
  expect(detectLoss(log, [], -1, 3, 10, 1e9)).toEqual({ lostBelow: 0, lossTime: undefined });
});

test('agrees with the rule stated packet by packet', () => {
  const steps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), ms: fc.nat(5) }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: -1, max: 130 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(50),
      fc.nat(250),
      (sent, largestAcked, packetThreshold, delay, now) => {
        let number = -1;
        let sentAt = 0;
        const packets = sent.map(({ gap, ms }) => ({ number: (number += gap), sentAt: (sentAt += ms) }));
        const overtaken = packets.filter((packet) => packet.number <= largestAcked);
        const isLost = (packet: { number: number; sentAt: number }): boolean =>
          packet.number <= largestAcked - packetThreshold || packet.sentAt + delay <= now;
        const waiting = overtaken.filter((packet) => !isLost(packet)).map((packet) => packet.sentAt + delay);

        const verdict = detectLoss(outstanding(packets), [], largestAcked, packetThreshold, delay, now);
        expect(packets.filter((packet) => packet.number < verdict.lostBelow)).toEqual(
          overtaken.filter(isLost),
        );
        expect(verdict.lossTime).toBe(waiting.length === 0 ? undefined : Math.min(...waiting));
      },
    ),
  );
});

test('[PKN-5] a number that was skipped overtakes nothing', () => {
  const log = new SentPacketLog();
  for (const number of [5, 7, 8, 9]) log.append(sentPacket(number, 0));
  expect(detectLoss(log, [6, 6], 8, 3, 1_000, 1).lostBelow).toBe(0);
  expect(detectLoss(log, [6, 6], 9, 3, 1_000, 1).lostBelow).toBe(6);
  expect(detectLoss(log, [3, 4], 8, 3, 1_000, 1).lostBelow).toBe(6);
  expect(detectLoss(log, [0, 1, 6, 6, 10, 10], 8, 3, 1_000, 1).lostBelow).toBe(0);
});
