/**
 * The connection IDs that the peer chose and we may address it by [MIG-1] (RFC 9000 §5.1), with the tokens of their
 * stateless resets. Each path has one of its own; one that is let go is retired, and so is what the peer wants back.
 * Invariant: at most `maxActive` are kept and at most `maxRetiring` wait for the peer to hear of their end; more than that
 * is a flood, which closes the connection.
 */
import { RangeSet } from '../../base/range-set.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type NewConnectionIdFrame, RESET_TOKEN_BYTES } from '../wire/frame.js';
import { writeRetireConnectionId } from '../wire/frame-writer.js';
import { MAX_VARINT } from '../wire/varint.js';
import { isSameId } from './local-ids.js';

export interface RemoteId {
  readonly sequence: number;
  readonly id: Uint8Array;
  /** Unknown of the first one until the server has told it [MIG-2]. */
  resetToken: Uint8Array | undefined;
  /** Packets are, or were, addressed to it: another path takes another one. */
  isInUse: boolean;
  isRetired: boolean;
}

export interface RemoteIdLimits {
  readonly maxActive: number;
  readonly maxRetiring: number;
  /** Bytes of an ID of this version [HDR-8]. */
  readonly idBytes: number;
}

export class RemoteIds {
  readonly #limits: RemoteIdLimits;
  #active: RemoteId[];
  /** Sequences that are done with: what the network repeats of them means nothing any more. */
  readonly #retired = new RangeSet();
  /** Told to the peer or about to be, and not acknowledged. */
  readonly #retiring = new Map<number, 'toSend' | 'sent'>();
  #retirePriorTo = 0;

  constructor(firstId: Uint8Array, limits: RemoteIdLimits) {
    this.#limits = limits;
    this.#active = [usedId(0, firstId)];
  }

  /** The one with the lowest number: of the handshake, as long as nobody has retired it. */
  get first(): RemoteId {
    const [first] = this.#active;
    if (first === undefined) throw violation('no connection ID is left');
    return first;
  }

  /** A client has learnt the server's own ID, which takes the place of the random one it began with [HSK-4]. */
  replaceFirst(id: Uint8Array): RemoteId {
    const first = usedId(0, id);
    this.#active[0] = first;
    return first;
  }

  /** [MIG-3] Returns whether an ID in use was retired by it: then each path looks for another one. */
  onNewConnectionId(frame: NewConnectionIdFrame): boolean {
    if (frame.connectionId.length !== this.#limits.idBytes)
      throw violation('a connection ID of another length');
    this.#learn(frame);
    const wasInUseRetired = this.#retireBelow(frame.retirePriorTo);
    if (this.#active.length > this.#limits.maxActive)
      throw flood('more connection IDs than active_connection_id_limit');
    return wasInUseRetired;
  }

  /** One that no path has used, or undefined when there is none. */
  take(): RemoteId | undefined {
    const unused = this.#active.find(({ isInUse }) => !isInUse);
    if (unused !== undefined) unused.isInUse = true;
    return unused;
  }

  /** No packet is addressed to it any more. */
  release(remoteId: RemoteId): void {
    if (remoteId.isRetired) return;
    this.#active = this.#active.filter((other) => other !== remoteId);
    this.#retire(remoteId.sequence);
    remoteId.isRetired = true;
  }

  /**
   * [RST-3] Are these 16 bytes the token of an ID that we use? Takes the same time whatever the bytes are, so that nobody
   * can find a token out piece by piece.
   */
  isResetToken(bytes: Uint8Array): boolean {
    let isToken = false;
    for (const { resetToken, isInUse } of this.#active) {
      if (resetToken === undefined || !isInUse) continue;
      let difference = bytes.length ^ RESET_TOKEN_BYTES;
      for (let i = 0; i < RESET_TOKEN_BYTES; i++) difference |= (bytes[i] ?? 0) ^ (resetToken[i] ?? 0);
      isToken = difference === 0 || isToken;
    }
    return isToken;
  }

  get hasFramesToSend(): boolean {
    // Nearly always there is none, and then no iterator is made.
    if (this.#retiring.size === 0) return false;
    for (const state of this.#retiring.values()) if (state === 'toSend') return true;
    return false;
  }

  writeFrames(packet: PacketBuilder): void {
    for (const [sequence, state] of this.#retiring) {
      if (state === 'sent') continue;
      if (!writeRetireConnectionId(packet.writer, sequence)) return;
      this.#retiring.set(sequence, 'sent');
      packet.frames.push({ kind: 'retireConnectionId', sequence });
      packet.isAckEliciting = true;
    }
  }

  onDelivered(sequence: number): void {
    this.#retiring.delete(sequence);
  }

  onLost(sequence: number): void {
    if (this.#retiring.has(sequence)) this.#retiring.set(sequence, 'toSend');
  }

  #learn({ sequence, connectionId, resetToken }: NewConnectionIdFrame): void {
    if (sequence === MAX_VARINT) throw violation('connection IDs have run out');
    const known = this.#active.find((other) => other.sequence === sequence);
    if (known !== undefined) {
      const isSame =
        isSameId(known.id, connectionId) &&
        (known.resetToken === undefined || isSameId(known.resetToken, resetToken));
      if (!isSame) throw violation('a connection ID changed');
      known.resetToken ??= resetToken.slice();
      return;
    }
    if (this.#active.some(({ id }) => isSameId(id, connectionId)))
      throw violation('a connection ID came twice');
    if (this.#retired.contains(sequence)) return;
    if (sequence < this.#retirePriorTo) {
      // Retired before it came: it is told so all the same, for the peer counts it until then.
      this.#retire(sequence);
      return;
    }
    this.#active.push({
      sequence,
      id: connectionId.slice(),
      resetToken: resetToken.slice(),
      isInUse: false,
      isRetired: false,
    });
  }

  #retireBelow(retirePriorTo: number): boolean {
    if (retirePriorTo <= this.#retirePriorTo) return false;
    this.#retirePriorTo = retirePriorTo;
    const retired = this.#active.filter(({ sequence }) => sequence < retirePriorTo);
    for (const remoteId of retired) this.release(remoteId);
    return retired.some(({ isInUse }) => isInUse);
  }

  #retire(sequence: number): void {
    this.#retired.add(sequence, sequence + 1);
    this.#retiring.set(sequence, 'toSend');
    if (this.#retiring.size > this.#limits.maxRetiring || this.#retired.size > MAX_RETIRED_RANGES) {
      throw flood('too many connection IDs to retire');
    }
  }
}

function usedId(sequence: number, id: Uint8Array): RemoteId {
  return { sequence, id, resetToken: undefined, isInUse: true, isRetired: false };
}

function violation(message: string): TransportError {
  return new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, message);
}

function flood(message: string): TransportError {
  return new TransportError(TransportErrorCode.CONNECTION_ID_LIMIT_ERROR, message);
}

/** Sequences grow by one, so that what is retired is one range, or a few while some are on their way. */
const MAX_RETIRED_RANGES = 32;
