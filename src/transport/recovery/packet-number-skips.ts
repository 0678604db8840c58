/**
 * When the sender leaves out a packet number [PKN-5], so that a peer which acknowledges what it never received, to be
 * sent more, meets a number that was never used (RFC 9000 §21.4). Memoryless: that one was skipped just now says nothing
 * about the next. A peer that has much to gain meets one sooner.
 */
import { type Random } from '../../base/random.js';

export class PacketNumberSkips {
  private readonly random: Random;
  /** Drawn so that one number in RARE_MEAN is skipped when each packet counts once. */
  private left: number;

  constructor(random: Random) {
    this.random = random;
    this.left = this.draw();
  }

  /** True when the number after this packet's is to be skipped. */
  onPacketSent(packetsInFlight: number): boolean {
    this.left -= packetsInFlight >= LARGE_FLIGHT_PACKETS ? RARE_MEAN / LARGE_FLIGHT_MEAN : 1;
    if (this.left > 0) return false;
    this.left = this.draw();
    return true;
  }

  private draw(): number {
    return -RARE_MEAN * Math.log(1 - this.random.fraction());
  }
}

/** A skipped number costs an ACK and a range in it; in small flights a made-up ACK gains a few kilobytes. */
const RARE_MEAN = 1_024;
/** In large ones it meets a skip within a few flights. */
const LARGE_FLIGHT_MEAN = 128;
const LARGE_FLIGHT_PACKETS = 64;
