import fc from 'fast-check';
import { type PacketBuilder } from '../../../../src/transport/connection/packet-builder.js';
import { AckTracker } from '../../../../src/transport/recovery/ack-tracker.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { type AckFrame, decodeFrame } from '../../../../src/transport/wire/frame.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { rangesOf } from './packets.js';

function trackerOf(options: Partial<ConstructorParameters<typeof AckTracker>[0]> = {}): AckTracker {
  return new AckTracker({ maxAckDelayMs: 2, maxRanges: 64, replayWindow: 1_024, ...options });
}

function builderOf(room = 1_200): PacketBuilder {
  const writer = new ByteWriter(new Uint8Array(room));
  return { space: PacketSpace.PROTECTED, writer, frames: [], isAckEliciting: false };
}

function written(tracker: AckTracker, now: number, room = 1_200): AckFrame {
  const builder = builderOf(room);
  expect(tracker.writeAck(builder, now)).toBe(true);
  const reader = new ByteReader(builder.writer.bytes, 0, builder.writer.offset);
  const frame = decodeFrame(reader, PacketSpace.PROTECTED) as AckFrame;
  expect(reader.remaining).toBe(0);
  expect(builder.frames).toEqual([{ kind: 'ack', largestAcked: frame.largest }]);
  expect(builder.isAckEliciting).toBe(false);
  return frame;
}

function receive(tracker: AckTracker, ...packetNumbers: number[]): void {
  for (const number of packetNumbers) tracker.onPacketReceived(number, true, 0);
}

describe('[ACK-8] a sender that wants fewer ACKs', () => {
  function tuned(ackThreshold: number, reorderingThreshold: number): AckTracker {
    const tracker = trackerOf();
    tracker.onAckFrequency({ type: FrameType.ACK_FREQUENCY, sequence: 0, ackThreshold, reorderingThreshold });
    return tracker;
  }

  test('gets one at its threshold, or after the delay of the first packet that waits', () => {
    const tracker = tuned(10, 3);
    for (let number = 0; number < 9; number++) tracker.onPacketReceived(number, true, number / 10);
    expect(tracker.hasAckToSend(0.9)).toBe(false);
    expect(tracker.nextTimeout()).toBe(2);
    tracker.onPacketReceived(9, true, 1);
    expect(tracker.hasAckToSend(1)).toBe(true);
  });

  test('hears of a gap when it is as old as a loss, once', () => {
    const tracker = tuned(100, 3);
    receive(tracker, 0, 1, 3, 4);
    expect(tracker.hasAckToSend(0)).toBe(false);
    receive(tracker, 5);
    expect(tracker.hasAckToSend(0)).toBe(true);
    written(tracker, 0);
    receive(tracker, 6, 7, 8);
    expect(tracker.hasAckToSend(0)).toBe(false);
    // 9 is missing: told by an ACK that left for another reason, but not yet as a loss.
    receive(tracker, 10);
    written(tracker, 0);
    receive(tracker, 11);
    expect(tracker.hasAckToSend(0)).toBe(false);
    receive(tracker, 12);
    expect(tracker.hasAckToSend(0)).toBe(true);
  });

  test('hears nothing at once of packets that are only a little out of order', () => {
    const tracker = tuned(100, 5);
    for (let number = 0; number < 90; number += 3) {
      receive(tracker, number + 2, number + 1, number);
      expect(tracker.hasAckToSend(0)).toBe(false);
    }
  });

  test('does not pay for a number that was never used for ever', () => {
    const tracker = tuned(100, 3);
    let acks = 0;
    for (let number = 0; number < 99; number++) {
      if (number === 50) continue;
      receive(tracker, number);
      if (!tracker.hasAckToSend(0)) continue;
      written(tracker, 0);
      acks += 1;
    }
    expect(acks).toBe(1);
  });

  test('is believed by its newest word, whatever comes when', () => {
    const tracker = tuned(10, 3);
    const say = (sequence: number, ackThreshold: number): void => {
      tracker.onAckFrequency({
        type: FrameType.ACK_FREQUENCY,
        sequence,
        ackThreshold,
        reorderingThreshold: 1,
      });
    };
    say(2, 4);
    say(1, 50);
    receive(tracker, 0, 1, 2);
    expect(tracker.hasAckToSend(0)).toBe(false);
    receive(tracker, 3);
    expect(tracker.hasAckToSend(0)).toBe(true);
  });

  test('cannot make the receiver wait longer than the delay, nor remember more', () => {
    const tracker = tuned(2 ** 53 - 1, 2 ** 53 - 1);
    for (let number = 0; number < 2_000; number += 2) receive(tracker, number);
    expect(tracker.nextTimeout()).toBe(2);
    expect(tracker.rangeCount).toBe(64);
    tracker.onTimeout(2);
    expect(tracker.hasAckToSend(2)).toBe(true);
  });
});

test('[HSK-6] of a space that is discarded nothing more is told', () => {
  const tracker = trackerOf();
  receive(tracker, 0, 1, 2);
  tracker.discard();
  expect(tracker.hasAckToSend(1_000)).toBe(false);
  expect(tracker.hasAnythingToAck).toBe(false);
  expect(tracker.nextTimeout()).toBeUndefined();
  expect(tracker.rangeCount).toBe(0);
});

describe('when an ACK is due', () => {
  test('[ACK-1] a lone packet’s waits for company until the delay has passed', () => {
    const tracker = trackerOf();
    tracker.onPacketReceived(0, true, 100);
    expect(tracker.hasAckToSend(100)).toBe(false);
    expect(tracker.hasAnythingToAck).toBe(true);
    expect(tracker.nextTimeout()).toBe(102);
    expect(tracker.hasAckToSend(101.9)).toBe(false);
    expect(tracker.hasAckToSend(102)).toBe(true);
  });

  test('[ACK-2] every second ack-eliciting packet’s at once', () => {
    const tracker = trackerOf();
    receive(tracker, 0);
    tracker.onPacketReceived(1, false, 0);
    expect(tracker.hasAckToSend(0)).toBe(false);
    receive(tracker, 2);
    expect(tracker.hasAckToSend(0)).toBe(true);
    expect(tracker.nextTimeout()).toBeUndefined();
  });

  test('the delay counts from the first packet that waits', () => {
    const tracker = trackerOf();
    tracker.onPacketReceived(0, true, 100);
    tracker.onPacketReceived(1, false, 101);
    expect(tracker.nextTimeout()).toBe(102);
  });

  test('[ACK-2] a gap’s at once, and once for each gap', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1);
    written(tracker, 0);
    receive(tracker, 3);
    expect(tracker.hasAckToSend(0)).toBe(true);
    written(tracker, 0);
    receive(tracker, 4);
    expect(tracker.hasAckToSend(0)).toBe(false);
  });

  test('[ACK-2] an overtaken packet’s at once', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1, 3);
    written(tracker, 0);
    receive(tracker, 2);
    expect(tracker.hasAckToSend(0)).toBe(true);
  });

  test('a missing packet that was ACK-only makes no gap when it has come', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1);
    written(tracker, 0);
    tracker.onPacketReceived(2, false, 0);
    receive(tracker, 3);
    expect(tracker.hasAckToSend(0)).toBe(false);
  });

  test('a gap’s at once also below an ACK-only packet, whose place it does not take', () => {
    const tracker = trackerOf();
    tracker.onPacketReceived(4, false, 0);
    receive(tracker, 0);
    expect(tracker.hasAckToSend(0)).toBe(false);
    written(tracker, 0);
    receive(tracker, 2);
    expect(tracker.hasAckToSend(0)).toBe(true);
  });

  test('what the peer knows that we know makes no gap', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1);
    tracker.onPacketReceived(2, false, 0);
    tracker.onPacketReceived(3, false, 0);
    written(tracker, 0);
    tracker.onAckDelivered(3);
    tracker.onAckDelivered(1);
    receive(tracker, 4);
    expect(tracker.hasAckToSend(0)).toBe(false);
  });

  test('[ACK-2] in HELLO packets always at once', () => {
    const tracker = trackerOf({ maxAckDelayMs: 0 });
    receive(tracker, 0);
    expect(tracker.hasAckToSend(0)).toBe(true);
    expect(tracker.nextTimeout()).toBeUndefined();
  });

  test('[ACK-7] never for ACK-only packets, which may be told when something leaves anyway', () => {
    const tracker = trackerOf();
    for (const number of [0, 5, 3, 9]) tracker.onPacketReceived(number, false, 0);
    expect(tracker.hasAckToSend(1e9)).toBe(false);
    expect(tracker.nextTimeout()).toBeUndefined();
    expect(tracker.hasAnythingToAck).toBe(true);
  });

  test('no more once it was written', () => {
    const tracker = trackerOf();
    receive(tracker, 0);
    written(tracker, 1);
    expect(tracker.hasAckToSend(1e9)).toBe(false);
    expect(tracker.hasAnythingToAck).toBe(false);
    expect(tracker.nextTimeout()).toBeUndefined();
  });

  test('a timer that fired asks for no other; one that fires early changes nothing', () => {
    const tracker = trackerOf();
    tracker.onPacketReceived(0, true, 100);
    tracker.onTimeout(101);
    expect(tracker.nextTimeout()).toBe(102);
    tracker.onTimeout(500);
    expect(tracker.nextTimeout()).toBeUndefined();
    expect(tracker.hasAckToSend(500)).toBe(true);
    tracker.onPacketReceived(1, false, 501);
    expect(tracker.nextTimeout()).toBeUndefined();
  });
});

describe('what an ACK tells', () => {
  test('[ACK-5] the ranges, newest first, and how long the largest packet waited', () => {
    const tracker = trackerOf();
    tracker.onPacketReceived(0, true, 100);
    tracker.onPacketReceived(7, true, 101);
    tracker.onPacketReceived(6, true, 103);
    tracker.onPacketReceived(3, true, 104);
    expect(written(tracker, 105.25)).toMatchObject({
      largest: 7,
      delayMicros: 4_250,
      ranges: [6, 7, 3, 3, 0, 0],
    });
  });

  test('nothing where there is no room, and then it stays due', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1);
    const builder = builderOf(4);
    expect(tracker.writeAck(builder, 0)).toBe(false);
    expect(builder.frames).toEqual([]);
    expect(builder.writer.offset).toBe(0);
    expect(tracker.hasAckToSend(0)).toBe(true);
    expect(tracker.hasAnythingToAck).toBe(true);
  });

  test('nothing before anything came', () => {
    expect(trackerOf().writeAck(builderOf(), 0)).toBe(false);
  });

  test('[ACK-4] the newest ranges when there is not room for all', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 2, 4, 6, 8);
    expect(written(tracker, 0, 9).ranges).toEqual([8, 8, 6, 6, 4, 4]);
  });

  test('[ACK-4] no more ranges than the limit: the oldest are forgotten', () => {
    const tracker = trackerOf({ maxRanges: 4 });
    for (let number = 0; number < 200; number += 2) receive(tracker, number);
    expect(tracker.rangeCount).toBe(4);
    expect(written(tracker, 0).ranges).toEqual([198, 198, 196, 196, 194, 194, 192, 192]);
  });

  test('[ACK-4] no longer what the peer knows that we know, but always the largest', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1, 4, 5);
    written(tracker, 0);
    tracker.onAckDelivered(5);
    receive(tracker, 8);
    expect(written(tracker, 0).ranges).toEqual([8, 8, 5, 5]);
    tracker.onAckDelivered(5);
    tracker.onAckDelivered(1);
    expect(tracker.rangeCount).toBe(1);
  });

  test('what came late and was in no ACK yet, even below one that was delivered', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1, 4, 5);
    written(tracker, 0);
    receive(tracker, 2, 6);
    tracker.onAckDelivered(5);
    expect(written(tracker, 0).ranges).toEqual([4, 6, 2, 2]);
  });
});

describe('duplicates', () => {
  test('[PKN-4] a packet number is new once', () => {
    const tracker = trackerOf();
    expect(tracker.largestReceived).toBe(-1);
    expect(tracker.isDuplicate(3)).toBe(false);
    receive(tracker, 3);
    expect(tracker.isDuplicate(3)).toBe(true);
    expect(tracker.isDuplicate(2)).toBe(false);
    expect(tracker.largestReceived).toBe(3);
  });

  test('[PKN-4] still after the peer has our ACK', () => {
    const tracker = trackerOf();
    receive(tracker, 0, 1, 2, 3);
    written(tracker, 0);
    tracker.onAckDelivered(3);
    expect([0, 1, 2, 3].every((number) => tracker.isDuplicate(number))).toBe(true);
  });

  test('[PKN-4] what is older than the window counts as one', () => {
    const tracker = trackerOf({ replayWindow: 64 });
    receive(tracker, 100);
    expect(tracker.isDuplicate(37)).toBe(false);
    expect(tracker.isDuplicate(36)).toBe(true);
    expect(tracker.isDuplicate(0)).toBe(true);
  });

  test('agrees with a set, near 2^53 as near 0', () => {
    const jump = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: -70, max: 40 }) },
      fc.integer({ min: 41, max: 150 }),
    );
    const base = fc.constantFrom(0, 2 ** 31 - 40, 2 ** 32 - 40, Number.MAX_SAFE_INTEGER - 20_000);
    fc.assert(
      fc.property(base, fc.array(jump, { minLength: 60, maxLength: 120 }), (start, jumps) => {
        const tracker = trackerOf({ replayWindow: 64 });
        const seen = new Set<number>();
        let largest = start;
        for (const jump of jumps) {
          const number = largest + jump;
          if (number < 0) continue;
          const isTooOld = tracker.largestReceived !== -1 && number <= tracker.largestReceived - 64;
          expect(tracker.isDuplicate(number)).toBe(seen.has(number) || isTooOld);
          if (tracker.isDuplicate(number)) continue;
          receive(tracker, number);
          seen.add(number);
          largest = Math.max(largest, number);
          expect(tracker.largestReceived).toBe(Math.max(...seen));
        }
      }),
    );
  });
});

test('[ACK-3] an ACK tells exactly what was received, whatever the order, below the limit of ranges', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(120), { minLength: 1, maxLength: 100 }), (numbers) => {
      const tracker = trackerOf();
      receive(tracker, ...numbers);
      expect(written(tracker, 0).ranges).toEqual(rangesOf(numbers));
    }),
  );
});

test('[ACK-1] an ack-eliciting packet always leads to an ACK: one is due or a timer is armed', () => {
  const event = fc.record({
    kind: fc.constantFrom('receive', 'receive', 'ackOnly', 'write', 'delivered', 'timeout'),
    jump: fc.integer({ min: -5, max: 3 }),
    wait: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const tracker = trackerOf({ maxRanges: 5, replayWindow: 64 });
      let now = 0;
      let waitingSince: number | undefined;
      for (const { kind, jump, wait } of events) {
        now += wait;
        const number = Math.max(tracker.largestReceived + jump, 0);
        if (kind === 'timeout') tracker.onTimeout(now);
        else if (kind === 'delivered') tracker.onAckDelivered(number);
        else if (kind === 'write') {
          if (tracker.writeAck(builderOf(), now)) waitingSince = undefined;
        } else if (!tracker.isDuplicate(number)) {
          tracker.onPacketReceived(number, kind === 'receive', now);
          if (kind === 'receive') waitingSince ??= now;
        }
        expect(tracker.rangeCount).toBeLessThanOrEqual(5);
        if (waitingSince === undefined) {
          expect(tracker.hasAckToSend(Infinity)).toBe(false);
        } else {
          expect(tracker.hasAckToSend(waitingSince + 2)).toBe(true);
          if (!tracker.hasAckToSend(now)) expect(tracker.nextTimeout()).toBeGreaterThan(now);
        }
      }
    }),
  );
});
