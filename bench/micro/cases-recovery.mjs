/** What an ACK costs the sender, and what a packet costs the receiver's ACK tracker. */
import { createController } from '../../src/transport/congestion/create-controller.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../src/transport/connection/transport-options.js';
import { AckTracker } from '../../src/transport/recovery/ack-tracker.js';
import { Recovery } from '../../src/transport/recovery/recovery.js';
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';

const IN_FLIGHT = 1_000;
const random = { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 };

export function* recoveryCases() {
  for (const rangeCount of [1, 10, 64]) yield ackCase(rangeCount);
  yield trackerCase();
}

/** Two packets leave and an ACK for two comes, with 1,000 in flight; its older ranges are known already. */
function ackCase(rangeCount) {
  const recovery = new Recovery({
    initialRttMs: 10,
    maxAckDelayMs: 2,
    controller: createController(DEFAULT_TRANSPORT_OPTIONS.congestionControl, {
      maxDatagramSize: 1_200,
      random,
    }),
  });
  recovery.setConfirmed();
  let sent = 0;
  let acked = -1;
  let now = 1_000;
  const send = () =>
    recovery.onPacketSent(
      {
        space: PacketSpace.PROTECTED,
        packetNumber: sent++,
        sentAt: now,
        bytes: 1_200,
        isAckEliciting: true,
        isInFlight: true,
        frames: [],
        rate: undefined,
      },
      now,
    );
  while (sent < IN_FLIGHT) send();
  return {
    name: `onAck, ${rangeCount} ranges, 1,000 in flight (2 packets)`,
    run(count) {
      for (let i = 0; i < count; i++) {
        now += 0.02;
        send();
        send();
        acked += 2;
        const ranges = [acked - 1, acked];
        // Told again, as a receiver does until it knows that the ACK before has arrived.
        for (let at = acked - 4; ranges.length < 2 * rangeCount && at > 2; at -= 3) ranges.push(at - 1, at);
        recovery.onAck(PacketSpace.PROTECTED, acked, ranges, 0.1, now);
      }
    },
  };
}

function trackerCase() {
  const tracker = new AckTracker({ maxAckDelayMs: 2, maxRanges: 64, replayWindow: 1_024 });
  const builder = { writer: new ByteWriter(new Uint8Array(1_200)), frames: [], isAckEliciting: false };
  let next = 0;
  return {
    name: 'AckTracker: 2 packets in, 1 ACK out and delivered',
    run(count) {
      for (let i = 0; i < count; i++) {
        for (let packet = 0; packet < 2; packet++, next++) {
          if (!tracker.isDuplicate(next)) tracker.onPacketReceived(next, true, i);
        }
        builder.writer.offset = 0;
        builder.frames.length = 0;
        tracker.writeAck(builder, i);
        tracker.onAckDelivered(next - 1);
      }
    },
  };
}
