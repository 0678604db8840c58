/**
 * When BBR probes for more bandwidth, and by how much it then raises what may be in flight (draft-ietf-ccwg-bbr §5.3.3).
 * Often enough to share a path with Reno: as many rounds apart as Reno needs to win back what a loss took from it, and
 * never more than 63; on long paths, every two to three seconds.
 *
 * Deviation: the first probes come much sooner, and so does one after a probe that found more. What startup or a probe
 * measured may have been held back by a sender or a receiver that had just begun to run, and then the draft would keep
 * half of a path unused for seconds; a probe that finds nothing doubles the wait.
 */
import { type Random } from '../../base/random.js';

export class ProbeCycle {
  private readonly random: Random;
  private startedAt = 0;
  private waitMs = 0;
  private rounds = 0;
  /** Of the draft's waits. */
  private waitShare = FIRST_WAIT_SHARE;
  private upRounds = 0;
  private upAckedBytes = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** A whole probe is over; `hasFoundMore`: the path carried clearly more than was known. */
  onProbed(hasFoundMore: boolean): void {
    this.waitShare = hasFoundMore ? FIRST_WAIT_SHARE : Math.min(1, this.waitShare * 2);
  }

  /** Nothing is known of the path. */
  reset(): void {
    this.waitShare = FIRST_WAIT_SHARE;
  }

  start(now: number): void {
    this.startedAt = now;
    // Flows that share a path must not probe in step.
    this.rounds = this.random.fraction() < 0.5 ? 0 : 1;
    this.waitMs = MINIMUM_WAIT_MS + this.random.fraction() * ADDED_WAIT_MS;
  }

  onRoundStart(): void {
    this.rounds++;
    this.upRounds++;
  }

  isTimeToProbe(targetDatagrams: number, now: number): boolean {
    const { startedAt, waitMs, waitShare, rounds } = this;
    return (
      now > startedAt + waitMs * waitShare || rounds >= Math.min(targetDatagrams, MAXIMUM_ROUNDS) * waitShare
    );
  }

  startUp(): void {
    this.upRounds = 0;
    this.upAckedBytes = 0;
  }

  /** Datagrams more that may be in flight: in the first round one for each window acknowledged, then 2, 4 … */
  raise(ackedBytes: number, windowBytes: number, maxDatagramSize: number): number {
    this.upAckedBytes += ackedBytes;
    const growth = 2 ** Math.min(this.upRounds, MAXIMUM_UP_ROUNDS);
    const bytesPerDatagram = Math.max(windowBytes / growth, maxDatagramSize);
    const datagrams = Math.floor(this.upAckedBytes / bytesPerDatagram);
    this.upAckedBytes -= datagrams * bytesPerDatagram;
    return datagrams;
  }
}

const FIRST_WAIT_SHARE = 1 / 8;
const MINIMUM_WAIT_MS = 2_000;
const ADDED_WAIT_MS = 1_000;
const MAXIMUM_ROUNDS = 63;
const MAXIMUM_UP_ROUNDS = 30;
