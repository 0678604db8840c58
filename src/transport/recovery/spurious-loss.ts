/**
 * What is learned from losses that were none: packets declared lost whose ACK came after all. How much reordering and
 * lateness loss detection bears from then on [REC-2], and whether the cut of the window that they caused was a mistake
 * [REC-8]. Losses are told in episodes: one begins with a loss of something sent after the last one began, as the
 * controllers cut (RFC 9002 §7.3.1); when all of an episode have arrived, nothing was lost in it.
 */
import { lossDelay } from './loss-detection.js';
import { type RttEstimator } from './rtt-estimator.js';
import { type SentPacket } from './sent-packet.js';
import { type SentSpace } from './sent-space.js';

export class SpuriousLoss {
  private readonly rtt: RttEstimator;
  private readonly spaces: readonly SentSpace[];
  private threshold = INITIAL_PACKET_THRESHOLD;
  private slack = INITIAL_TIME_SLACK;
  private found = 0;
  private episodeStartedAt = -Infinity;
  /** Packets told lost in this episode that have not arrived. */
  private missing = 0;
  private episodesSinceMistake = 0;

  constructor(rtt: RttEstimator, spaces: readonly SentSpace[]) {
    this.rtt = rtt;
    this.spaces = spaces;
  }

  /** How far past a packet an ACK must reach to make it lost. */
  get packetThreshold(): number {
    return this.threshold;
  }

  /** How long after it was sent a packet may still arrive once a later one was acknowledged. */
  get lossDelayMs(): number {
    return lossDelay(this.rtt.latestRtt, this.rtt.smoothedRtt, this.slack);
  }

  /** Packets that were declared lost and arrived after all. */
  get count(): number {
    return this.found;
  }

  /** What one pass found lost and the controller is told of, oldest first. */
  onLost(state: SentSpace, packets: readonly SentPacket[], now: number): void {
    const newestSentAt = packets[packets.length - 1]?.sentAt ?? -Infinity;
    if (newestSentAt > this.episodeStartedAt) this.startEpisode(now);
    this.missing += packets.length;
    for (const packet of packets) state.lost.remember(packet.packetNumber, packet.sentAt);
  }

  /** True when everything that was lost in the present episode has arrived by now: once. */
  onAck(state: SentSpace, ranges: readonly number[], now: number): boolean {
    if (state.lost.count === 0) return false;
    const late = state.lost.takeAcknowledged(ranges);
    if (late === undefined) return false;
    this.found += late.count;
    this.episodesSinceMistake = 0;
    this.bearReordering(state.largestAcked - late.smallest, state.packetsInFlight);
    this.bearLateness(now - late.earliestSentAt);
    if (late.ofEpisode === 0) return false;
    this.missing -= late.ofEpisode;
    if (this.missing > 0) return false;
    // As if it had never begun: a loss of what was sent before it cuts again.
    this.episodeStartedAt = -Infinity;
    return true;
  }

  /** A new path may keep the order better, or worse. */
  onPathChanged(): void {
    this.forget();
    this.episodeStartedAt = -Infinity;
    this.missing = 0;
  }

  private startEpisode(now: number): void {
    this.episodeStartedAt = now;
    this.missing = 0;
    for (const { lost } of this.spaces) lost.startEpisode();
    this.episodesSinceMistake += 1;
    if (this.episodesSinceMistake > EPISODES_REMEMBERED) this.forget();
  }

  private forget(): void {
    this.threshold = INITIAL_PACKET_THRESHOLD;
    this.slack = INITIAL_TIME_SLACK;
    this.episodesSinceMistake = 0;
  }

  /** From now on wait for more packets after it, as many as overtook it. */
  private bearReordering(overtakenBy: number, packetsInFlight: number): void {
    const wanted = Math.max(this.threshold, overtakenBy) + 1;
    // Beyond half of what is in flight counting packets cannot tell in time, and the time threshold decides.
    this.threshold = Math.max(this.threshold, Math.min(wanted, Math.floor(packetsInFlight / 2)));
  }

  /** Doubles the time beyond a round trip until this packet would have been waited for. */
  private bearLateness(lateMs: number): void {
    while (lateMs > this.lossDelayMs && this.slack < MOST_TIME_SLACK) this.slack *= 2;
  }
}

/** RFC 9002 §6.1.1, kPacketThreshold; what grows beyond it is for the network that reorders (§6.1, RFC 8985 §3.3.2). */
const INITIAL_PACKET_THRESHOLD = 3;
/** RFC 9002 §6.1.2: kTimeThreshold is 9/8. At most a second round trip, as RFC 8985 §6.2 step 4. */
const INITIAL_TIME_SLACK = 1 / 8;
const MOST_TIME_SLACK = 1;
/** RFC 8985 §6.2 step 4: after so many losses without a mistake the path is taken to keep the order again. */
const EPISODES_REMEMBERED = 16;
