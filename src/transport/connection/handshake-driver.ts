/**
 * Drives a connection's handshake to its confirmation: carries bytes between it and the handshake stream, puts the keys
 * in place, tells every player what the peer said of itself, and knows until when all of this must have happened
 * (PROTOCOL §8.1). What was agreed on, and how, is the handshake's matter.
 */
import { type Handshake, type HandshakeEvent, type PeerCertificate } from '../protection/handshake.js';
import { isSameId } from '../path/local-ids.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import {
  checkTransportParameters,
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
  type TransportParameters,
} from '../wire/transport-parameters.js';
import { type ConnectionEvent } from './connection-event.js';
import { type Players } from './players.js';

/** The conductor, as far as the handshake needs it. */
export interface HandshakeOwner {
  readonly closed: unknown;
  emit(event: ConnectionEvent): void;
  fail(code: TransportErrorCode, reason: string, now: number): void;
}

export class HandshakeDriver {
  readonly #players: Players;
  readonly #handshake: Handshake;
  readonly #owner: HandshakeOwner;
  readonly #deadline: number;
  #isComplete = false;
  #peerParameters: TransportParameters | undefined;
  #peerCertificate: PeerCertificate | undefined;

  constructor(players: Players, handshake: Handshake, owner: HandshakeOwner, now: number) {
    this.#players = players;
    this.#handshake = handshake;
    this.#owner = owner;
    this.#deadline = now + players.options.handshakeTimeoutMs;
  }

  /** Our side of it is (RFC 9001 §4.1.1). */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Nothing should leave now. */
  get isSpeaking(): boolean {
    return this.#handshake.isSpeaking === true && !this.#isComplete;
  }

  get peerParameters(): TransportParameters | undefined {
    return this.#peerParameters;
  }

  /** What was verified of the peer, undefined before it was and where nothing is. */
  get peerCertificate(): PeerCertificate | undefined {
    return this.#peerCertificate;
  }

  /** [HSK-8] Also of a server that is content but has no sign that its client is where it says; Infinity: reached. */
  get endsAt(): number {
    const { isConfirmed, hasAnswered } = this.#players;
    return isConfirmed && hasAnswered ? Infinity : this.#deadline;
  }

  get timeoutReason(): string {
    const { stats, options } = this.#players;
    const heard = stats.datagramsReceived === 0 ? 'nothing received' : `${stats.datagramsReceived} received`;
    return `no handshake within ${options.handshakeTimeoutMs} ms (${stats.datagramsSent} datagrams sent, ${heard})`;
  }

  start(now: number): void {
    this.#handshake.start();
    this.drive(now);
  }

  dispose(): void {
    this.#handshake.dispose();
  }

  /** Takes what the handshake has to say. Throws TransportError for parameters that cannot be. */
  drive(now: number): void {
    const { handshakeStream, keyPhases } = this.#players;
    for (;;) {
      const event = this.#handshake.pollEvent();
      if (event === undefined || this.#owner.closed !== undefined) return;
      switch (event.kind) {
        case 'bytes':
          handshakeStream.write(event.bytes);
          break;
        case 'sealer':
          keyPhases.onSealer(event.sealer, now);
          break;
        case 'opener':
          keyPhases.onOpener(event.opener);
          break;
        case 'peerParameters':
          this.#onPeerParameters(event.bytes, now);
          break;
        case 'complete':
          this.#peerCertificate = event.peerCertificate;
          this.#onComplete();
          break;
        case 'failed':
          // [HSK-7] After confirmation nothing the handshake says matters any more.
          if (this.#players.isConfirmed) break;
          this.#owner.fail(failureCode(event), event.reason, now);
          return;
      }
    }
  }

  /** The handshake stream may have something new for it. */
  onBytes(now: number): void {
    const bytes = this.#players.handshakeStream.read();
    if (bytes === undefined) return;
    this.#handshake.onBytes(bytes);
    this.drive(now);
  }

  onHandshakeDone(): void {
    // [FRM-11]
    if (this.#players.role === 'server') {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'HANDSHAKE_DONE from a client');
    }
    if (!this.#isComplete) {
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, 'HANDSHAKE_DONE before its time');
    }
    this.#confirm();
    this.discardHello();
  }

  /** [HSK-6] The peer is known to have everything that went into HELLO packets. */
  discardHello(): void {
    const { hello, recovery, handshakeStream } = this.#players;
    if (hello.isDiscarded) return;
    recovery.discardSpace(PacketSpace.HELLO);
    handshakeStream.onHelloDiscarded();
    hello.discard();
  }

  #onComplete(): void {
    this.#isComplete = true;
    this.#players.handshakeStream.onComplete();
    if (this.#players.role === 'client') {
      this.#owner.emit({ kind: 'handshakeComplete' });
      return;
    }
    // [HSK-7] A server is confirmed by its own judgement.
    this.#players.isHandshakeDonePending = true;
    this.#confirm();
  }

  #confirm(): void {
    if (this.#players.isConfirmed) return;
    this.#players.isConfirmed = true;
    this.#players.recovery.handshakeProbeNeeded = false;
    this.#players.recovery.setConfirmed();
    const { localIds, role } = this.#players;
    const { activeConnectionIdLimit } = this.#peerParameters ?? DEFAULT_TRANSPORT_PARAMETERS;
    localIds.onConfirmed(activeConnectionIdLimit, role);
    this.#players.isTokenPending = role === 'server';
    this.#players.pathMtu.onConfirmed();
    this.#owner.emit({ kind: 'ready' });
  }

  #onPeerParameters(bytes: Uint8Array, now: number): void {
    const parameters = decodeTransportParameters(bytes);
    const { role, path, originalDestinationId, retrySourceId, streams, idle, recovery, pathMtu } =
      this.#players;
    checkTransportParameters(parameters, role === 'client' ? 'server' : 'client');
    // [TPM-7]
    requireSameId(parameters.sourceConnectionId, path.destination.id, 'source_connection_id');
    if (role === 'client') {
      if (retrySourceId !== undefined && parameters.retrySourceConnectionId === undefined)
        throw new TransportError(TransportErrorCode.TRANSPORT_PARAMETER_ERROR, RETRY_UNKNOWN);
      requireSameId(
        parameters.originalDestinationConnectionId,
        originalDestinationId,
        'original_destination_connection_id',
      );
      requireSameId(parameters.retrySourceConnectionId, retrySourceId, 'retry_source_connection_id');
    }
    this.#peerParameters = parameters;
    this.#players.observer?.onPeerParameters(parameters, now);
    streams.onPeerLimits({
      maxData: parameters.initialMaxData,
      maxStreamData: parameters.initialMaxStreamData,
      maxStreams: parameters.initialMaxStreams,
    });
    idle.onPeerIdleTimeout(parameters.idleTimeoutMs);
    recovery.setPeerMaxAckDelay(parameters.maxAckDelayMs);
    pathMtu.onPeerLimits(parameters.maxDatagramSize, parameters.receiveBufferBytes);
  }
}

function failureCode({ isUntrusted = false }: HandshakeEvent & { kind: 'failed' }): TransportErrorCode {
  return isUntrusted ? TransportErrorCode.UNAUTHENTICATED : TransportErrorCode.HANDSHAKE_FAILED;
}

/** A server that was restarted meanwhile cannot read the token either, and takes the hello for a first one. */
const RETRY_UNKNOWN = 'the server does not know of the RETRY: it was restarted, or somebody else has sent it';

function requireSameId(said: Uint8Array | undefined, seen: Uint8Array | undefined, name: string): void {
  if (said === undefined || seen === undefined ? said === seen : isSameId(said, seen)) return;
  throw new TransportError(TransportErrorCode.TRANSPORT_PARAMETER_ERROR, `${name} is not the one seen`);
}
