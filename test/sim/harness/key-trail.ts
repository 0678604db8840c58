/**
 * The generations of the keys of one side, as its PROTECTED packets show them in the order in which they were sent: no
 * packet of older keys after one of newer ones, and no update that the peer has not made possible [KEY-5] or asked for.
 */
import { type Opener } from '../../../src/transport/protection/protection.js';
import { check } from './violation.js';

export class KeyTrail {
  #opener: Opener;
  #generation = 0;
  /** Of this generation. */
  #firstSent = 0;
  /** What the peer has said to have received. */
  #largestAcked = -1;

  constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** For the next packet that is sent. */
  opener(keyPhase: 0 | 1): Opener {
    if (this.#isOf(keyPhase)) return this.#opener;
    const next = this.#opener.next?.();
    check(next !== undefined, () => `key phase ${keyPhase} where keys are not updated`);
    return next;
  }

  /** It opened. `peer`: where it is known who that is. */
  onSent(packetNumber: number, keyPhase: 0 | 1, peer: KeyTrail | undefined): void {
    if (this.#isOf(keyPhase)) return;
    const isAcknowledged = this.#largestAcked >= this.#firstSent;
    this.#opener = this.opener(keyPhase);
    this.#generation++;
    this.#firstSent = packetNumber;
    if (peer === undefined) return;
    check(
      isAcknowledged || peer.#generation >= this.#generation,
      () =>
        `keys of generation ${this.#generation} in use, before any packet of those before was acknowledged`,
    );
    check(
      this.#generation <= peer.#generation + 1,
      () => `keys of generation ${this.#generation} in use, the peer's are of ${peer.#generation}`,
    );
  }

  /** In a packet that was sent just now. */
  onAckSent(largest: number, peer: KeyTrail | undefined): void {
    if (peer === undefined) return;
    peer.#largestAcked = Math.max(peer.#largestAcked, largest);
    check(
      largest < peer.#firstSent || this.#generation >= peer.#generation,
      () => `keys of generation ${this.#generation} acknowledge packets of ${peer.#generation}`,
    );
  }

  #isOf(keyPhase: 0 | 1): boolean {
    return this.#generation % 2 === keyPhase;
  }
}
