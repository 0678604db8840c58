/**
 * The generations of the keys of PROTECTED packets, in both directions (PROTOCOL §5.2, RFC 9001 §6): when new ones are
 * due, what the peer's updates must look like, how long the keys before are kept. It puts the current ones into their
 * packet-number space; how keys follow from each other is known to sealers and openers alone. Where those have no
 * successor, in plaintext, there is one generation, and the phase bit means nothing.
 *
 * Invariant: what seals is of the generation that opens, or of the one after it, which the peer has not answered yet.
 */
import { assert } from '../../base/assert.js';
import { type ConnectionStats } from '../connection/connection-stats.js';
import { type PacketSpaceState } from '../connection/packet-space-state.js';
import { type TransportOptions } from '../connection/transport-options.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type Opener, type Sealer } from './protection.js';

export interface KeyPhasesOptions {
  readonly space: PacketSpaceState;
  readonly stats: ConnectionStats;
  readonly limits: Pick<TransportOptions, 'keyUpdatePackets' | 'keyUpdateMs'>;
  readonly ptoMs: () => number;
}

export class KeyPhases {
  readonly #space: PacketSpaceState;
  readonly #stats: ConnectionStats;
  readonly #limits: KeyPhasesOptions['limits'];
  readonly #ptoMs: () => number;
  /** Of the keys that seal. */
  #sealGeneration = 0;
  #sealingSince = 0;
  /** The first packet number that is left to the key that seals. */
  #firstSent = 0;
  /** Of the keys that open. */
  #openGeneration = 0;
  /** The smallest packet number that they have opened. */
  #firstReceived = Infinity;
  /** The largest that any before them has. */
  #largestOfOlder = -1;
  /** An ACK was sent since they are in use. */
  #hasAcknowledged = false;
  #previous: Opener | undefined;
  #previousEndsAt = Infinity;
  /** Derived before anybody asks for it: no packet, genuine or not, takes longer than another for it [KEY-6]. */
  #next: Opener | undefined;
  #failures = 0;

  constructor({ space, stats, limits, ptoMs }: KeyPhasesOptions) {
    this.#space = space;
    this.#stats = stats;
    this.#limits = limits;
    this.#ptoMs = ptoMs;
  }

  onSealer(sealer: Sealer, now: number): void {
    this.#space.sealer = sealer;
    this.#sealingSince = now;
  }

  onOpener(opener: Opener): void {
    this.#space.opener = opener;
    this.#next = opener.next?.();
  }

  // Sealing.

  /** [KEY-4] Of the packets that are sealed now. */
  get phase(): 0 | 1 {
    return phaseOf(this.#sealGeneration);
  }

  /** Of the keys that seal, from 0. */
  get sealGeneration(): number {
    return this.#sealGeneration;
  }

  /** Of the keys that open: the one that the peer has come to. */
  get openGeneration(): number {
    return this.#openGeneration;
  }

  /** [KEY-9] Only the CLOSE and its repetitions may still be sealed. */
  get isSpent(): boolean {
    // Numbers that were left out are counted too: they are few, and nobody has to count packets.
    return this.#sealedCount >= (this.#space.sealer?.packetLimit ?? Infinity);
  }

  /** [KEY-5] To be called between packets of a confirmed connection. */
  updateIfDue(largestAcked: number, now: number): void {
    const { keyUpdatePackets, keyUpdateMs } = this.#limits;
    const isDue = this.#sealedCount >= keyUpdatePackets || now - this.#sealingSince >= keyUpdateMs;
    if (!isDue || largestAcked < this.#firstSent || this.#previous !== undefined) return;
    this.#updateSealer(now);
  }

  /** An ACK of all that has come stands in a packet that is about to be sealed. */
  onAckWritten(): void {
    this.#hasAcknowledged = true;
  }

  /** [KEY-8] Who acknowledges a packet of new keys has opened it, and must seal with new keys before saying so. */
  checkAck(generation: number, largestAcked: number): void {
    if (generation < this.#sealGeneration && largestAcked >= this.#firstSent) {
      throw updateError('it has opened packets of new keys, and goes on with old ones');
    }
  }

  // Opening.

  /** [KEY-6] The one generation whose keys can have sealed this packet. */
  generationFor(phase: 0 | 1, packetNumber: number): number {
    const current = this.#openGeneration;
    if (this.#next === undefined || phaseOf(current) === phase) return current;
    const isOlder = this.#previous !== undefined && packetNumber < this.#firstReceived;
    return isOlder ? current - 1 : current + 1;
  }

  opener(generation: number): Opener | undefined {
    if (generation === this.#openGeneration) return this.#space.opener;
    return generation > this.#openGeneration ? this.#next : this.#previous;
  }

  /** [KEY-9] A packet did not open. Throws when too many were tried. */
  onFailure(): void {
    this.#failures++;
    if (this.#failures < (this.#space.opener?.forgeryLimit ?? Infinity)) return;
    throw new TransportError(
      TransportErrorCode.AEAD_LIMIT_REACHED,
      `${this.#failures} packets did not open: somebody may be guessing`,
    );
  }

  /** A packet is genuine, whose number is not yet known to the ACK state. Throws KEY_UPDATE_ERROR [KEY-8]. */
  onOpened(generation: number, packetNumber: number, now: number): void {
    if (generation < this.#openGeneration) {
      this.#largestOfOlder = Math.max(this.#largestOfOlder, packetNumber);
      return;
    }
    const isUpdate = generation > this.#openGeneration;
    const largestOfOlder = isUpdate ? this.#space.acks.largestReceived : this.#largestOfOlder;
    if (packetNumber < largestOfOlder) {
      throw updateError(`packet ${packetNumber} is of newer keys than packet ${largestOfOlder}`);
    }
    if (isUpdate) this.#onUpdate(packetNumber, now);
    else if (packetNumber < this.#firstReceived) this.#firstReceived = packetNumber;
  }

  /** When the keys of before are forgotten; Infinity: there are none. */
  nextTimeout(): number {
    return this.#previousEndsAt;
  }

  /** [KEY-7] Harmless when early. */
  onTimeout(now: number): void {
    if (now < this.#previousEndsAt) return;
    this.#previous = undefined;
    this.#previousEndsAt = Infinity;
  }

  get #sealedCount(): number {
    return this.#space.nextPacketNumber - this.#firstSent;
  }

  /** The peer has new keys: so have we from now on. */
  #onUpdate(packetNumber: number, now: number): void {
    const isAnswer = this.#sealGeneration > this.#openGeneration;
    if (!isAnswer && !this.#hasAcknowledged) {
      throw updateError('it has updated its keys again, and waited for no ACK');
    }
    const { opener, acks } = this.#space;
    this.#previous = opener;
    this.#previousEndsAt = now + PREVIOUS_KEPT_PTOS * this.#ptoMs();
    this.#space.opener = this.#next;
    this.#next = this.#next?.next?.();
    this.#openGeneration++;
    this.#firstReceived = packetNumber;
    this.#largestOfOlder = acks.largestReceived;
    this.#hasAcknowledged = false;
    if (this.#sealGeneration < this.#openGeneration) this.#updateSealer(now);
  }

  /** The sealer of before is dropped at once: whatever is sent again is sealed anew. */
  #updateSealer(now: number): void {
    const next = this.#space.sealer?.next?.();
    if (next === undefined) return;
    this.#space.sealer = next;
    this.#sealingSince = now;
    this.#firstSent = this.#space.nextPacketNumber;
    this.#sealGeneration++;
    this.#stats.keyUpdates++;
    assert(this.#sealGeneration - this.#openGeneration <= 1, 'one key update at a time');
  }
}

function phaseOf(generation: number): 0 | 1 {
  return generation % 2 === 0 ? 0 : 1;
}

function updateError(reason: string): TransportError {
  return new TransportError(TransportErrorCode.KEY_UPDATE_ERROR, reason);
}

/** RFC 9001 §6.5. */
const PREVIOUS_KEPT_PTOS = 3;
