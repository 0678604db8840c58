/**
 * The connection IDs that we chose and the peer may address us by [MIG-1] (RFC 9000 §5.1). After confirmation there are as
 * many as the peer keeps and our limit allows, each told with the token by which a stateless reset is recognised; one
 * that the peer retires is replaced. Where packets to an ID go is the endpoint's matter, which gives and takes them back.
 */
import { type PacketBuilder } from '../connection/packet-builder.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { writeNewConnectionId } from '../wire/frame-writer.js';

/** The endpoint, which routes by these IDs. */
export interface IdSource {
  /** A new ID; packets to it come to this connection from now on. */
  issue(): Uint8Array;
  /** No longer. */
  retire(id: Uint8Array): void;
  /** By which the peer recognises a stateless reset. */
  readonly resetToken: (id: Uint8Array) => Uint8Array;
}

interface LocalId {
  readonly sequence: number;
  readonly id: Uint8Array;
  isToBeTold: boolean;
  /** The peer has it. */
  isKnown: boolean;
}

export class LocalIds {
  readonly #source: IdSource;
  readonly #maxActive: number;
  readonly #active: LocalId[];
  #wantedCount = 1;
  #nextSequence = 1;
  /** They are told in order. The first is known from the handshake. */
  #largestTold = 0;

  /** `firstId`: of the handshake, sequence 0. `maxActive`: of ours at once, whatever the peer would keep. */
  constructor(firstId: Uint8Array, source: IdSource, maxActive: number) {
    this.#source = source;
    this.#maxActive = maxActive;
    this.#active = [{ sequence: 0, id: firstId, isToBeTold: false, isKnown: false }];
  }

  /** Those that the peer has not retired. */
  get ids(): Uint8Array[] {
    return this.#active.map(({ id }) => id);
  }

  has(id: Uint8Array): boolean {
    for (const local of this.#active) if (isSameId(local.id, id)) return true;
    return false;
  }

  /**
   * Confirmed: from now on there may be more than the first. A server also repeats the first, because no token may stand
   * in the handshake, which anybody can read [MIG-2].
   */
  onConfirmed(peerLimit: number, role: 'client' | 'server'): void {
    this.#wantedCount = Math.min(peerLimit, this.#maxActive);
    const [first] = this.#active;
    if (role === 'server' && first !== undefined) first.isToBeTold = true;
    this.#fill();
  }

  /** [MIG-4] `destinationId`: where the packet with this frame was addressed to. */
  onRetire(sequence: number, destinationId: Uint8Array): void {
    // As RFC 9000 §19.16: who retires those to come, many in a packet, would have each of them made.
    if (sequence > this.#largestTold) throw violation('retired a connection ID that it was never told');
    const index = this.#active.findIndex((local) => local.sequence === sequence);
    const retired = this.#active[index];
    if (retired === undefined) return;
    if (isSameId(retired.id, destinationId)) throw violation('retired the connection ID it was sent to');
    this.#active.splice(index, 1);
    this.#source.retire(retired.id);
    this.#fill();
  }

  get hasFramesToSend(): boolean {
    // Asked for each datagram: without a closure.
    for (const local of this.#active) if (local.isToBeTold) return true;
    return false;
  }

  writeFrames(packet: PacketBuilder): void {
    for (const local of this.#active) {
      const { sequence, id, isToBeTold } = local;
      if (!isToBeTold) continue;
      if (!writeNewConnectionId(packet.writer, sequence, 0, id, this.#source.resetToken(id))) return;
      local.isToBeTold = false;
      this.#largestTold = Math.max(this.#largestTold, sequence);
      packet.frames.push({ kind: 'newConnectionId', sequence });
      packet.isAckEliciting = true;
    }
  }

  onDelivered(sequence: number): void {
    const local = this.#find(sequence);
    if (local === undefined) return;
    local.isKnown = true;
    local.isToBeTold = false;
  }

  onLost(sequence: number): void {
    const local = this.#find(sequence);
    if (local?.isKnown === false) local.isToBeTold = true;
  }

  #find(sequence: number): LocalId | undefined {
    return this.#active.find((local) => local.sequence === sequence);
  }

  #fill(): void {
    while (this.#active.length < this.#wantedCount) {
      const id = this.#source.issue();
      this.#active.push({ sequence: this.#nextSequence++, id, isToBeTold: true, isKnown: false });
    }
  }
}

export function isSameId(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function violation(message: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, message);
}
