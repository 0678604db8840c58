/**
 * When a server that answers, but badly, gets no attempts for a while: after so many failures in a row, or, where it is
 * asked for, when its answers take so many times as long as those of the others. The time doubles with each ejection.
 * After it one attempt is the probe: a good end brings the server back, a bad one ejects it again. No clock and no
 * servers: the balancer says what happened, and sees to it that not too many are ejected at once.
 */
import { type NumberRules } from '../../base/number-options.js';

/** When a server that answers badly gets no calls for a while. */
export interface OutlierEjectionOptions {
  /** Failures in a row, none of them good: UNAVAILABLE, and attempts that had no answer in their time. Default 5. */
  readonly consecutiveFailures?: number | undefined;
  /** Ejected when an answer takes so many times as long as the median of the other servers'. Default Infinity: never. */
  readonly latencyFactor?: number | undefined;
  /** The first time; each one that follows soon is twice as long. Default 5,000. */
  readonly ejectionMs?: number | undefined;
  /** Default 60,000. */
  readonly maxEjectionMs?: number | undefined;
  /** Of all servers, 0 to 1, rounded down. Default 0.5. */
  readonly maxEjectedShare?: number | undefined;
}

export type ResolvedOutlierEjection = { readonly [Name in keyof OutlierEjectionOptions]-?: number };

export const DEFAULT_OUTLIER_EJECTION: ResolvedOutlierEjection = {
  consecutiveFailures: 5,
  latencyFactor: Infinity,
  ejectionMs: 5_000,
  maxEjectionMs: 60_000,
  maxEjectedShare: 0.5,
};

export const OUTLIER_EJECTION_RULES: NumberRules<OutlierEjectionOptions> = {
  consecutiveFailures: { min: 1, isWhole: true },
  latencyFactor: { min: 1 },
  ejectionMs: { min: 1, max: 2_147_483_647, unit: 'ms' },
  maxEjectionMs: { min: 1, max: 2_147_483_647, unit: 'ms' },
  maxEjectedShare: { min: 0, max: 1 },
};

/** How one server has fared. */
export class ServerRecord {
  /** How often it was ejected, all in all. */
  ejections = 0;
  readonly #options: ResolvedOutlierEjection;
  #failuresInRow = 0;
  #slowInRow = 0;
  /** While it is out: from when on it may be probed. */
  #probeAt: number | undefined;
  #lengthMs = 0;
  #isProbed = false;
  #backAt = 0;

  constructor(options: ResolvedOutlierEjection) {
    this.#options = options;
  }

  /** Out, the time of its probe included. */
  get isEjected(): boolean {
    return this.#probeAt !== undefined;
  }

  /** When it may be probed; Infinity: it need not be, or is. */
  get probeAt(): number {
    return this.#isProbed ? Infinity : (this.#probeAt ?? Infinity);
  }

  /** `isSafe`: the attempt can go elsewhere if the server fails it. Others probe only where those do not come. */
  mayTake(isSafe: boolean, now: number): boolean {
    if (this.#probeAt === undefined) return true;
    return !this.#isProbed && now >= this.#probeAt + (isSafe ? 0 : this.#lengthMs);
  }

  /** It was given an attempt. True: which is the probe. */
  onStarted(): boolean {
    if (this.#probeAt === undefined || this.#isProbed) return false;
    this.#isProbed = true;
    return true;
  }

  /** True when that brings it back. */
  onGood(isProbe: boolean, now: number): boolean {
    this.#failuresInRow = 0;
    if (!isProbe || this.#probeAt === undefined) return false;
    this.#endEjection(now);
    return true;
  }

  /** True when it is to be ejected, if others are left. */
  onBad(isProbe: boolean, now: number): boolean {
    this.#failuresInRow += 1;
    if (isProbe) {
      this.eject(now);
      return false;
    }
    return this.#probeAt === undefined && this.#failuresInRow >= this.#options.consecutiveFailures;
  }

  /** True as of `onBad`. `medianMs`: of the other servers' answers. */
  onLatency(latencyMs: number, medianMs: number): boolean {
    const isSlow = latencyMs > medianMs * this.#options.latencyFactor && latencyMs > MIN_SLOW_MS;
    this.#slowInRow = isSlow ? this.#slowInRow + 1 : 0;
    return this.#probeAt === undefined && this.#slowInRow >= SLOW_ANSWERS;
  }

  /** The probe's end says nothing of the server. */
  onNoProbe(): void {
    this.#isProbed = false;
  }

  eject(now: number): void {
    const { ejectionMs, maxEjectionMs } = this.#options;
    const isSoon = this.#isProbed || now - this.#backAt < this.#lengthMs;
    this.#lengthMs = Math.min(isSoon ? this.#lengthMs * 2 : ejectionMs, maxEjectionMs);
    this.#probeAt = now + this.#lengthMs;
    this.#isProbed = false;
    this.#slowInRow = 0;
    this.ejections += 1;
  }

  #endEjection(now: number): void {
    this.#probeAt = undefined;
    this.#isProbed = false;
    this.#failuresInRow = 0;
    this.#backAt = now;
  }
}

/** One slow answer is chance. */
const SLOW_ANSWERS = 10;
/** Below it nobody waits. */
const MIN_SLOW_MS = 5;
