/** A recovery whose controller writes down what it is told, for tests that send and acknowledge by hand. */
import {
  type AckSample,
  type CongestionController,
  type LossSample,
} from '../../../../src/transport/congestion/congestion-controller.js';
import { type AckOutcome, Recovery } from '../../../../src/transport/recovery/recovery.js';
import {
  DEFAULT_RECOVERY_LIMITS,
  type RecoveryLimits,
} from '../../../../src/transport/recovery/recovery-options.js';
import { PacketSpace, type SentPacket } from '../../../../src/transport/recovery/sent-packet.js';
import { rangesOf, sentPacket } from './packets.js';

export class RecordingController implements CongestionController {
  congestionWindow = 12_000;
  readonly pacingRate = undefined;
  readonly sent: (readonly [number, number])[] = [];
  readonly acks: AckSample[] = [];
  readonly losses: LossSample[] = [];
  readonly order: string[] = [];
  maxDatagramSize = 0;

  onPacketSent(bytes: number, bytesInFlight: number): void {
    this.sent.push([bytes, bytesInFlight]);
  }
  onAck(sample: AckSample): void {
    this.acks.push(sample);
    this.order.push('ack');
  }
  onLoss(loss: LossSample): void {
    this.losses.push(loss);
    this.order.push('loss');
  }
  onLossUndone(): void {
    this.order.push('undone');
  }
  onMaxDatagramSize(bytes: number): void {
    this.maxDatagramSize = bytes;
  }
  reset(): void {
    this.order.push('reset');
  }
}

export interface RecoverySetup {
  readonly controller: RecordingController;
  readonly recovery: Recovery;
  readonly send: (packetNumber: number, now: number, fields?: Partial<SentPacket>) => void;
  readonly ack: (
    packetNumbers: readonly number[],
    now: number,
    space?: PacketSpace,
    delayMs?: number,
  ) => AckOutcome;
}

/** A confirmed connection that has sent nothing. */
export function setup(limits: RecoveryLimits = DEFAULT_RECOVERY_LIMITS): RecoverySetup {
  const controller = new RecordingController();
  const recovery = new Recovery({ initialRttMs: 100, controller, maxAckDelayMs: 2, limits });
  recovery.setConfirmed();
  return {
    controller,
    recovery,
    send(packetNumber, now, fields) {
      recovery.onPacketSent(sentPacket(packetNumber, now, fields), now);
    },
    ack(packetNumbers, now, space = PacketSpace.PROTECTED, delayMs = 0) {
      return recovery.onAck(space, Math.max(...packetNumbers), rangesOf(packetNumbers), delayMs, now);
    },
  };
}
