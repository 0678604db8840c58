/**
 * Is what was lost a sign of congestion? Loss alone does not say: a radio link loses datagrams at any rate. It is taken
 * for congestion when it comes with a queue that stands or a delivery rate that has fallen, or when it is more than the
 * tolerated share. Counted over a round trip; a count that chance explains is no sign.
 *
 * Deviation: draft-ietf-ccwg-bbr §5.5.10 takes 2 % for too much whatever the round trip says, and every loss outside of
 * probing for a reason to slow down. On a link that loses 1 % by itself that gives away most of the rate.
 */
import { type SentPacket } from '../recovery/sent-packet.js';

export class LossJudge {
  private readonly toleratedLoss: number;
  private lostBytes = 0;
  private deliveredBytes = 0;
  private runLength = 0;
  private runEnd = -Infinity;

  constructor(toleratedLoss: number) {
    this.toleratedLoss = toleratedLoss;
  }

  onLost(packets: readonly SentPacket[]): void {
    for (const { packetNumber, isInFlight, bytes } of packets) {
      if (!isInFlight) continue;
      // Numbers in between were of packets that do not count, or skipped.
      this.runLength = packetNumber - this.runEnd <= SAME_RUN ? this.runLength + 1 : 1;
      this.runEnd = packetNumber;
      if (this.runLength <= LONGEST_RUN) this.lostBytes += bytes;
    }
  }

  onDelivered(bytes: number): void {
    this.deliveredBytes += bytes;
  }

  /** `hasSymptom`: a queue stands, or the path delivers less than it did. */
  isCongestion(hasSymptom: boolean, maxDatagramSize: number): boolean {
    if (this.lostBytes === 0) return false;
    const share = hasSymptom ? Math.min(LOSS_WITH_SYMPTOM, this.toleratedLoss) : this.toleratedLoss;
    const lost = this.lostBytes / maxDatagramSize;
    const sent = lost + this.deliveredBytes / maxDatagramSize;
    return lost > share * sent + SIGMAS * Math.sqrt(share * (1 - share) * sent);
  }

  startRound(): void {
    this.lostBytes = 0;
    this.deliveredBytes = 0;
  }
}

/** Draft §2.7, BBR.LossThresh. */
const LOSS_WITH_SYMPTOM = 0.02;
/** Beyond what is expected, in standard deviations: 2 % of rounds pass it by chance. */
const SIGMAS = 2;
/**
 * A queue that overflows goes on draining and drops only what comes too fast, one of five when sent at 1.25 times the
 * rate. Of more in a row the rest is an outage, which says nothing about the rate before and after it.
 */
const LONGEST_RUN = 4;
const SAME_RUN = 2;
