/**
 * What a server says to a client whose connection it does not know, because it was restarted (RFC 9000 §10.3): a datagram that
 * looks like any other and ends in the token of the ID that was asked for, which the client had from the server before.
 * [RST-2] It is never sent for what could itself be one, so that two servers cannot keep each other busy, and seldom.
 */
import { type Random } from '../../base/random.js';
import { CONNECTION_ID_BYTES } from '../connection/transport-options.js';
import { type Address } from '../path/path.js';
import { REFLECTION_PORTS } from '../path/reflection-ports.js';
import { LARGEST_RESET_BYTES, SMALLEST_RESET_BYTES } from '../path/reset-size.js';
import { RESET_TOKEN_BYTES } from '../wire/frame.js';

export interface ResetMeans {
  readonly random: Random;
  readonly resetToken: (connectionId: Uint8Array) => Uint8Array;
}

export class StatelessResets {
  readonly #means: ResetMeans;
  /** When each IP address was last answered, the oldest first. */
  readonly #answeredAt = new Map<string, number>();

  constructor(means: ResetMeans) {
    this.#means = means;
  }

  /** The answer to a short packet to an ID of nobody's, or undefined. */
  answerTo(packet: Uint8Array, remote: Address, now: number): Uint8Array | undefined {
    if (packet.length <= LARGEST_RESET_BYTES || REFLECTION_PORTS.has(remote.port)) return undefined;
    if (!this.#mayAnswer(remote.ip, now)) return undefined;
    const { random, resetToken } = this.#means;
    const spread = LARGEST_RESET_BYTES - SMALLEST_RESET_BYTES + 1;
    const bytes = random.bytes(SMALLEST_RESET_BYTES + Math.floor(random.fraction() * spread));
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
    bytes.set(resetToken(packet.slice(1, 1 + CONNECTION_ID_BYTES)), bytes.length - RESET_TOKEN_BYTES);
    return bytes;
  }

  #mayAnswer(ip: string, now: number): boolean {
    const answeredAt = this.#answeredAt.get(ip);
    if (answeredAt !== undefined && now - answeredAt < MIN_INTERVAL_MS) return false;
    this.#answeredAt.delete(ip);
    this.#answeredAt.set(ip, now);
    // The oldest is the first, and with so many in 20 ms it is the limit on all answers that counts.
    if (this.#answeredAt.size > MAX_REMEMBERED) {
      for (const oldest of this.#answeredAt.keys()) {
        this.#answeredAt.delete(oldest);
        break;
      }
    }
    return true;
  }
}

const MIN_INTERVAL_MS = 20;
const MAX_REMEMBERED = 1_024;
