/**
 * When a datagram may leave [CON-3]: a token bucket (RFC 9002 §7.7), filled a little faster than the window turns over
 * in a round trip and deep enough that one wake-up of the event loop sends what is due by then. Who was told to wait and
 * comes late, because the process was busy, may send what was due meanwhile too: the pacer spreads a window, it never
 * limits the rate. That is the controller's business.
 */
import { type RttEstimator } from '../recovery/rtt-estimator.js';
import { type CongestionController } from './congestion-controller.js';

export class Pacer {
  private readonly controller: CongestionController;
  private readonly rtt: RttEstimator;
  private maxDatagramSize: number;
  private tokens = Infinity;
  private refilledAt = -Infinity;

  constructor(options: PacerOptions) {
    this.controller = options.controller;
    this.rtt = options.rtt;
    this.maxDatagramSize = options.maxDatagramSize;
  }

  /** When `bytes` may leave: at or before `now` means now. */
  nextSendTime(bytes: number, now: number): number {
    const rate = this.rate();
    const capacity = this.capacity(rate);
    this.refill(rate, capacity, now);
    const missing = Math.min(bytes, capacity) - this.tokens;
    return missing <= 0 ? now : now + missing / rate;
  }

  /** Something was held back until `heldUntil`, and is only asked for now: what was due meanwhile may leave too. */
  onLate(heldUntil: number, now: number): void {
    const rate = this.rate();
    const lateMs = Math.min(now - heldUntil, CATCH_UP_MS);
    this.refill(rate, this.capacity(rate) + rate * lateMs, now);
  }

  /** For everything that counts as in flight, probes too; ACK-only packets are not paced (RFC 9002 §7.7). */
  onSent(bytes: number, now: number): void {
    const rate = this.rate();
    const capacity = this.capacity(rate);
    this.refill(rate, capacity, now);
    // Probes leave unasked; what they overdraw is limited, so that they cannot silence the connection for long.
    this.tokens = Math.max(this.tokens - bytes, -capacity);
  }

  onMaxDatagramSize(bytes: number): void {
    this.maxDatagramSize = bytes;
  }

  private refill(rate: number, capacity: number, now: number): void {
    if (now <= this.refilledAt) return;
    this.tokens = Math.min(this.tokens + rate * (now - this.refilledAt), capacity);
    this.refilledAt = now;
  }

  /** Bytes per millisecond. */
  private rate(): number {
    const wanted = this.controller.pacingRate;
    if (wanted !== undefined) return Math.max(wanted, MINIMUM_RATE);
    return (WINDOW_GAIN * this.controller.congestionWindow) / Math.max(this.rtt.smoothedRtt, MINIMUM_RTT_MS);
  }

  private capacity(rate: number): number {
    const datagrams = (rate * BURST_MS) / this.maxDatagramSize;
    const burst = Math.min(Math.max(datagrams, MINIMUM_BURST), MAXIMUM_BURST) * this.maxDatagramSize;
    return Math.min(burst, MAXIMUM_BURST_BYTES);
  }
}

export interface PacerOptions {
  readonly controller: CongestionController;
  readonly rtt: RttEstimator;
  readonly maxDatagramSize: number;
}

/** RFC 9002 §7.7: above 1, so that variation of the RTT does not leave the window unused. */
const WINDOW_GAIN = 1.25;
/** A burst is what the rate gives in two turns of a 1 ms timer, within these limits, in datagrams. */
const BURST_MS = 2;
const MINIMUM_BURST = 10;
const MAXIMUM_BURST = 64;
/** A busy event loop comes late by this; longer than that is taken for silence. What is in flight stays within the window. */
const CATCH_UP_MS = 10;
/** Of large datagrams: a quarter of a receive buffer of 4 MiB, which is what may be in flight there [CON-4]. */
const MAXIMUM_BURST_BYTES = 1 << 20;
/** Keep the sums finite where a simulated network has no delay, or a controller asks for nothing. */
const MINIMUM_RTT_MS = 0.01;
const MINIMUM_RATE = 0.001;
