/**
 * When BBR probes for more bandwidth, and by how much it then raises what may be in flight (draft-ietf-ccwg-bbr §5.3.3).
 * Often enough to share a path with Reno: as many rounds apart as Reno needs to win back what a loss took from it, and
 * never more than 63; on long paths, every two to three seconds.
 */
import { type Random } from '../../base/random.js';

export class ProbeCycle {
  private readonly random: Random;
  private startedAt = 0;
  private waitMs = 0;
  private rounds = 0;
  private upRounds = 0;
  private upAckedBytes = 0;

  constructor(random: Random) {
    this.random = random;
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
    return now > this.startedAt + this.waitMs || this.rounds >= Math.min(targetDatagrams, MAXIMUM_ROUNDS);
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

const MINIMUM_WAIT_MS = 2_000;
const ADDED_WAIT_MS = 1_000;
const MAXIMUM_ROUNDS = 63;
const MAXIMUM_UP_ROUNDS = 30;
