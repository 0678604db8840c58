/**
 * One peer: the conductor of recovery, streams, handshake, path and their kin. Owns the order in which they are asked
 * and the life of the connection; every algorithm is a player's. Sans-IO: datagrams, time and stream calls come in,
 * datagrams, events and a deadline go out. Nothing a peer sends raises past `handleDatagram`.
 */
import { RingQueue } from '../../base/ring-queue.js';
import { type Path } from '../path/path.js';
import { SMALLEST_RESET_BYTES } from '../path/reset-size.js';
import { type PeerCertificate } from '../protection/handshake.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { type TransportStats } from '../stream-transport.js';
import { type ConnectionClosed, TransportError, TransportErrorCode } from '../transport-error.js';
import { type CloseFrame, RESET_TOKEN_BYTES } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { type TransportParameters } from '../wire/transport-parameters.js';
import { Closing } from './closing.js';
import { type ConnectionEvent } from './connection-event.js';
import { type ConnectionSetup } from './connection-setup.js';
import { type ConnectionStats } from './connection-stats.js';
import { DatagramReader } from './datagram-reader.js';
import { DatagramWriter } from './datagram-writer.js';
import { type FrameHandler, onPacketsLost, spaceState, writeAgain } from './frame-dispatch.js';
import { HandshakeDriver, type HandshakeOwner } from './handshake-driver.js';
import { Migration } from './migration.js';
import { Players } from './players.js';
import { type Transmit, type TransmitPool } from './transmit.js';

export class Connection implements FrameHandler, HandshakeOwner {
  readonly role: 'client' | 'server';
  readonly migration: Migration;
  readonly #players: Players;
  readonly #handshake: HandshakeDriver;
  readonly #reader: DatagramReader;
  readonly #writer: DatagramWriter;
  readonly #pool: TransmitPool;
  readonly #helloProtection: ConnectionSetup['helloProtection'];
  readonly #events = new RingQueue<ConnectionEvent>();
  #closing: Closing | undefined;
  #isGone = false;

  constructor(setup: ConnectionSetup, pool: TransmitPool, now: number) {
    this.role = setup.role;
    this.#pool = pool;
    this.#players = new Players(
      setup,
      (event) => {
        this.emit(event);
      },
      now,
    );
    this.#helloProtection = (helloId) => setup.helloProtection(helloId);
    this.#protectHello();
    this.migration = new Migration(this.#players);
    this.#reader = new DatagramReader(this.#players, this);
    this.#writer = new DatagramWriter(this.#players, pool);
    const handshake = setup.createHandshake(this.#players.localId, this.#players.originalDestinationId);
    this.#handshake = new HandshakeDriver(this.#players, handshake, this, now);
    this.#handshake.start(now);
  }

  // What others may know.

  get localId(): Uint8Array {
    return this.#players.localId;
  }

  /** All that the peer may address it by, the first one included until it is retired. */
  get localIds(): readonly Uint8Array[] {
    return this.#players.localIds.ids;
  }

  get version(): number {
    return this.#players.version;
  }

  get originalDestinationId(): Uint8Array {
    return this.#players.originalDestinationId;
  }

  /** Where the client's hellos go until it knows the server's own ID. */
  get helloId(): Uint8Array {
    return this.#players.helloId;
  }

  /** A client's: nothing authentic of the server's has come, not even a RETRY. */
  get isUnanswered(): boolean {
    return this.stats.packetsReceived === 0 && this.#players.retrySourceId === undefined;
  }

  /** The one in use. */
  get path(): Path {
    return this.#players.path;
  }

  /** Ways to the peer that are known: the one in use, and those of a move that is not over. */
  get pathCount(): number {
    return this.#players.paths.count;
  }

  /** A client has shown that it receives what is sent to the address it came from: by an answer, or by a token. */
  get isAddressValidated(): boolean {
    return this.#players.paths.first.isValidated;
  }

  /** What is written to streams can be sealed, and leaves. */
  get canSend(): boolean {
    return this.#players.protected.sealer !== undefined;
  }

  /** Our side of the handshake is complete (RFC 9001 §4.1.1). */
  get isHandshakeComplete(): boolean {
    return this.#handshake.isComplete && this.#closing === undefined;
  }

  /** The handshake is confirmed. */
  get isReady(): boolean {
    return this.#players.isConfirmed && this.#closing === undefined;
  }

  get closed(): ConnectionClosed | undefined {
    return this.#closing?.closed;
  }

  /** Closed, and long enough ago that nothing of it can still be under way: forget it. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** How often in a row a probe was due because nothing was heard. */
  get ptosInRow(): number {
    return this.#players.recovery.ptoCount;
  }

  get bytesInFlight(): number {
    return this.#players.recovery.bytesInFlight;
  }

  get congestionWindow(): number {
    return this.#players.controller.congestionWindow;
  }

  /** Of what is sent now, but for probes of a larger size; what was sent before may have been larger. */
  get datagramBytes(): number {
    return this.#players.pathMtu.datagramBytes;
  }

  get openStreamCount(): number {
    return this.#players.streams.openCount;
  }

  /** Streams that the peer has opened so far. */
  get peerOpenedStreamCount(): number {
    return this.#players.streams.peerOpenedCount;
  }

  get stats(): ConnectionStats {
    return this.#players.stats;
  }

  /** What the peer said about itself, from when our side of the handshake is complete, and still when it has ended. */
  get peerParameters(): TransportParameters | undefined {
    return this.#handshake.isComplete ? this.#handshake.peerParameters : undefined;
  }

  /** What the handshake has verified of the peer; undefined before that, and where nothing is verified. */
  get peerCertificate(): PeerCertificate | undefined {
    return this.#handshake.peerCertificate;
  }

  /** Whoever drives it tells it nothing more. */
  onForgotten(now: number): void {
    this.#players.observer?.onForgotten(now);
  }

  transportStats(now: number): TransportStats {
    const { stats, recovery, idle, suspicion, pathMtu } = this.#players;
    const { latestRtt, smoothedRtt, minRtt, hasSample } = recovery.rtt;
    return {
      datagramsSent: stats.datagramsSent,
      datagramsReceived: stats.datagramsReceived,
      bytesSent: stats.bytesSent,
      bytesReceived: stats.bytesReceived,
      packetsLost: stats.packetsLost,
      packetsDamaged: stats.drops.notAuthentic,
      ptoCount: stats.ptoCount,
      latestRttMs: hasSample ? latestRtt : undefined,
      smoothedRttMs: hasSample ? smoothedRtt : undefined,
      minRttMs: hasSample ? minRtt : undefined,
      congestionWindow: this.congestionWindow,
      bytesInFlight: recovery.bytesInFlight,
      maxDatagramSize: pathMtu.datagramBytes,
      lastReceivedAgoMs: Math.max(0, now - idle.receivedAt),
      isSuspect: suspicion.isSuspect,
    };
  }

  // Streams.

  openStream(): number | undefined {
    return this.#closing === undefined ? this.#players.streams.open() : undefined;
  }

  writeStream(streamId: number, pieces: readonly Uint8Array[], fin: boolean): number {
    return this.#closing === undefined ? this.#players.streams.write(streamId, pieces, fin) : 0;
  }

  readStream(streamId: number): Uint8Array | 'end' | undefined {
    return this.#closing === undefined ? this.#players.streams.read(streamId) : undefined;
  }

  resetStream(streamId: number, code: number): void {
    if (this.#closing === undefined) this.#players.streams.reset(streamId, code);
  }

  stopStream(streamId: number, code: number): void {
    if (this.#closing === undefined) this.#players.streams.stop(streamId, code);
  }

  // In.

  /** [DGM-3] Whatever it is: the worst it does is to end this connection. Returns whether its memory is free. */
  handleDatagram(bytes: Uint8Array, remote: Path['remote'], local: number, now: number): boolean {
    const { stats, paths, suspicion, observer } = this.#players;
    stats.datagramsReceived++;
    stats.bytesReceived += bytes.length;
    const path = paths.find(remote, local);
    if (path === undefined && !this.migration.mayComeFrom(remote, local)) {
      stats.drops.otherAddress++;
      observer?.onPacketDropped('otherAddress', bytes.length, now);
      return false;
    }
    path?.onReceived(bytes.length);
    if (this.#closing !== undefined || this.#endIfIdle(now)) {
      stats.drops.connectionEnded++;
      observer?.onPacketDropped('connectionEnded', bytes.length, now);
      this.#closing?.onDatagram();
      return false;
    }
    this.#players.idle.onDatagram(bytes.length);
    const packetsBefore = stats.packetsReceived;
    let isFree = false;
    try {
      isFree = this.#reader.read({ bytes, remote, local }, now);
    } catch (error) {
      this.#onError(error, now);
    }
    const isAuthentic = stats.packetsReceived > packetsBefore;
    if (isAuthentic && suspicion.onReceived() && this.closed === undefined) {
      this.#events.push({ kind: 'recovered' });
    }
    observer?.onStep(this.#players, now);
    return isFree;
  }

  /** [RST-3] What nobody could read: if it ends in the token of the ID that we use, the server knows nothing of us any more. */
  handleReset(bytes: Uint8Array, { ip, port }: Path['remote'], now: number): boolean {
    const { path, remoteIds } = this.#players;
    const isFromServer = path.remote.ip === ip && path.remote.port === port;
    if (this.#closing !== undefined || this.role === 'server' || !isFromServer) return false;
    if (bytes.length < SMALLEST_RESET_BYTES) return false;
    if (!remoteIds.isResetToken(bytes.subarray(bytes.length - RESET_TOKEN_BYTES))) return false;
    this.#end(
      { by: 'reset', ...noCode('the server has restarted, and knows nothing of this connection') },
      false,
      now,
    );
    return true;
  }

  /** The handshake has something to say (its `wake` was called). */
  handleHandshake(now: number): void {
    if (this.#closing !== undefined) return;
    try {
      this.#handshake.drive(now);
      this.#reader.retryUndecryptable(now);
    } catch (error) {
      this.#onError(error, now);
    }
    this.#players.observer?.onStep(this.#players, now);
  }

  /** A client's packets leave from another socket from now on. `isSameHost`: its IP address is the same. */
  handleRebinding(isSameHost: boolean, now: number): void {
    if (this.isReady) this.migration.onRebound(isSameHost, now);
  }

  /** [MTU-7] The system refuses datagrams of so many bytes on this path; undefined: it does not say how many. */
  handleTooLarge(bytes: number | undefined): void {
    this.#players.pathMtu.onTooLarge(bytes);
  }

  /** Harmless when early: what is not due does not happen. */
  handleTimeout(now: number): void {
    if (this.#isGone) return;
    if (this.#closing !== undefined) {
      if (now >= this.#closing.endsAt) this.#isGone = true;
      return;
    }
    const { recovery, hello, protected: main, idle, paths, keyPhases } = this.#players;
    if (now >= this.#handshake.endsAt) {
      this.#onHandshakeTimeout(now);
      return;
    }
    if (this.#endIfIdle(now)) return;
    if (this.#suspectAt() <= now) this.#suspect(now);
    if ((hello.acks.nextTimeout() ?? Infinity) <= now) hello.acks.onTimeout(now);
    if ((main.acks.nextTimeout() ?? Infinity) <= now) main.acks.onTimeout(now);
    if ((recovery.nextTimeout() ?? Infinity) <= now) this.#onRecoveryTimeout(now);
    if (paths.nextTimeout() <= now) this.migration.onTimeout(now);
    keyPhases.onTimeout(now);
    if (this.#pingAt() <= now) {
      idle.onPing();
      this.#players.isPingPending = true;
    }
    this.#players.observer?.onStep(this.#players, now);
  }

  /** Ends the connection and tells the peer [CLS-1]. `code` is the application's. Idempotent. */
  close(code: number, reason: string, now: number): void {
    if (this.#closing === undefined) this.#end({ by: 'local', code, isApplication: true, reason }, true, now);
  }

  /** Ends it without a word to the peer, who refused it, never answered or speaks another version. Idempotent. */
  abandon(by: 'refused' | 'versionMismatch', reason: string, now: number): void {
    if (this.#closing !== undefined) return;
    // [HSK-12] Of several datagrams the one before may have come to somebody.
    const notStarted = this.stats.datagramsSent <= 1 && this.stats.packetsReceived === 0;
    this.#end({ by, ...noCode(reason), ...(notStarted && { notStarted }) }, false, now);
  }

  /** Nobody will poll it any more: gives its buffers back. */
  discard(): void {
    this.#players.streams.closeAll();
  }

  // Out.

  pollEvent(): ConnectionEvent | undefined {
    return this.#events.shift();
  }

  pollTransmit(now: number): Transmit | undefined {
    if (this.#players.protected.isExhausted) {
      this.fail(TransportErrorCode.NO_ERROR, 'its packet numbers have run out', now);
    }
    // [KEY-9]
    if (this.#players.keyPhases.isSpent) {
      const reason = 'a key has sealed all that it may, and the peer lets none follow';
      this.fail(TransportErrorCode.AEAD_LIMIT_REACHED, reason, now);
    }
    if (this.#closing !== undefined) return this.#closing.pollTransmit(this.#players, this.#pool, now);
    if (this.#handshake.isSpeaking) return undefined;
    const transmit = this.#writer.pollTransmit(now);
    if (transmit === undefined) return undefined;
    transmit.sender = this;
    this.#players.observer?.onStep(this.#players, now);
    return transmit;
  }

  /** When `handleTimeout` wants to be called; Infinity for never. Right after the last `pollTransmit`. */
  pollTimeout(): number {
    if (this.#isGone) return Infinity;
    if (this.#closing !== undefined) return this.#closing.endsAt;
    const { recovery, hello, protected: main, idle, isConfirmed, paths, keyPhases } = this.#players;
    return Math.min(
      idle.deadline(this.#ptoMs()),
      this.#handshake.endsAt,
      isConfirmed ? Infinity : (hello.acks.nextTimeout() ?? Infinity),
      main.acks.nextTimeout() ?? Infinity,
      recovery.nextTimeout() ?? Infinity,
      paths.nextTimeout(),
      keyPhases.nextTimeout(),
      this.#writer.pacedUntil,
      this.#pingAt(),
      this.#suspectAt(),
    );
  }

  // What the reader hands up.

  onHandshakeBytes(now: number): void {
    this.#handshake.onBytes(now);
  }

  onHandshakeDone(): void {
    this.#handshake.onHandshakeDone();
  }

  discardHello(): void {
    this.#handshake.discardHello();
  }

  /**
   * [RTY-4] The server has kept nothing, and wants all of it once more, at this ID and with this token. Packet numbers go on:
   * a number and a key never meet twice, whoever forgets.
   */
  onRetry(sourceId: Uint8Array, token: Uint8Array, bytes: number, now: number): void {
    const players = this.#players;
    players.retrySourceId = sourceId;
    players.helloToken = token;
    players.path.destination = players.remoteIds.replaceFirst(sourceId);
    this.#protectHello();
    players.observer?.onRetry(sourceId, bytes, now);
    writeAgain(players.recovery.onRetry(now), players);
    players.hello.probesPending = players.protected.probesPending = 0;
  }

  onClose(frame: CloseFrame, now: number): void {
    const { code, reason } = frame;
    const isApplication = frame.type === FrameType.CLOSE_APPLICATION;
    const notStarted =
      !isApplication && code === TransportErrorCode.CONNECTION_REFUSED && this.#isOnlyFlight();
    this.#end({ by: 'peer', code, isApplication, reason, ...(notStarted && { notStarted }) }, false, now);
  }

  // What the handshake hands up.

  emit(event: ConnectionEvent): void {
    this.#events.push(event);
  }

  fail(code: TransportErrorCode, reason: string, now: number): void {
    if (this.#closing === undefined)
      this.#end({ by: 'local', code, isApplication: false, reason }, true, now);
  }

  #protectHello(): void {
    const { hello, helloId } = this.#players;
    const { sealer, opener, retry } = this.#helloProtection(helloId);
    hello.sealer = sealer;
    hello.opener = opener;
    this.#players.retryOpener = this.role === 'client' ? retry.opener : undefined;
  }

  #onRecoveryTimeout(now: number): void {
    const players = this.#players;
    const outcome = players.recovery.onTimeout(now);
    if (outcome.probeSpace !== undefined || outcome.lost.length > 0) {
      players.observer?.onRecoveryTimeout(outcome.probeSpace, now);
    }
    onPacketsLost(outcome.lost, players, now);
    if (outcome.probeSpace === undefined) return;
    players.stats.ptoCount++;
    // A probe best carries what is missing: the oldest frames are written again although nothing is lost yet.
    writeAgain(outcome.probes, players);
    spaceState(players, outcome.probeSpace).probesPending = outcome.probeCount;
    // Lost bytes of the handshake do not wait for a window that is full of packets which nobody can open without them.
    if (players.handshakeStream.hasFramesToSend(PacketSpace.HELLO)) {
      players.hello.probesPending = outcome.probeCount;
    }
  }

  #suspectAt(): number {
    const { suspicion, recovery, idle, isConfirmed } = this.#players;
    return isConfirmed ? suspicion.dueAt(idle.askedAt, this.#ptoMs(), recovery.rtt.smoothedRtt) : Infinity;
  }

  #suspect(now: number): void {
    const { suspicion, idle } = this.#players;
    if (!suspicion.onDue(this.#suspectAt(), now)) return;
    const silentMs = Math.round(now - idle.askedAt);
    this.emit({ kind: 'suspect', reason: `no answer for ${silentMs} ms, nor anything else` });
  }

  /** [IDL-1] [IDL-3] Looked at before anything that came late, too: the peer has ended it by its own clock. */
  #endIfIdle(now: number): boolean {
    const { idle } = this.#players;
    if (now < idle.deadline(this.#ptoMs())) return false;
    const reason = idle.describeEnd(now - this.pollTimeout());
    this.#end({ by: 'idle', ...noCode(reason) }, false, now);
    this.#isGone = true;
    return true;
  }

  /** [HSK-8] Whoever has heard of the other says so, lest that one goes on asking. */
  #onHandshakeTimeout(now: number): void {
    const reason = this.#handshake.timeoutReason;
    const code = TransportErrorCode.HANDSHAKE_FAILED;
    const owesClose = this.stats.packetsReceived > 0;
    this.#end({ by: 'handshakeTimeout', code, isApplication: false, reason }, owesClose, now);
  }

  /**
   * [HSK-12] A refusal proves that nothing was started while this client has sent its first flight once and heard nothing
   * else: what it sent again might have come to a server that forgot what it had started the first time.
   */
  #isOnlyFlight(): boolean {
    const { ptoCount, packetsReceived } = this.stats;
    const { isConfirmed, retrySourceId } = this.#players;
    if (this.role === 'server' || isConfirmed || retrySourceId !== undefined) return false;
    return ptoCount === 0 && packetsReceived === 1;
  }

  /** [HSK-13] Without keys nothing of a stream has left, and who trusts nobody starts nothing. */
  #isCertainlyUnused({ code, isApplication }: ConnectionClosed): boolean {
    const { protected: main, isConfirmed } = this.#players;
    const isUntrusted = !isApplication && code === TransportErrorCode.UNAUTHENTICATED && !isConfirmed;
    return main.sealer === undefined || isUntrusted;
  }

  #pingAt(): number {
    const { idle, streams, isConfirmed } = this.#players;
    return this.role === 'client' && isConfirmed && streams.openCount > 0
      ? Math.min(idle.pingAt(), idle.cutOffAt(this.#ptoMs()))
      : Infinity;
  }

  #ptoMs(): number {
    return this.#players.recovery.rtt.ptoPeriod(this.#players.options.maxAckDelayMs);
  }

  #onError(error: unknown, now: number): void {
    if (error instanceof TransportError) this.fail(error.code, error.message, now);
    else this.fail(TransportErrorCode.INTERNAL_ERROR, `internal error: ${String(error)}`, now);
  }

  #end(closed: ConnectionClosed, owesClose: boolean, now: number): void {
    if (this.#closing !== undefined) return;
    const ended = this.#isCertainlyUnused(closed) ? { ...closed, notStarted: true } : closed;
    this.#closing = new Closing(ended, owesClose, this.#ptoMs(), now);
    this.#players.streams.closeAll();
    this.#handshake.dispose();
    this.#reader.dropUndecryptable(now);
    this.#players.observer?.onClosed(ended, now);
    this.emit({ kind: 'closed', closed: ended });
  }
}

function noCode(reason: string): { code: number; isApplication: false; reason: string } {
  return { code: TransportErrorCode.NO_ERROR, isApplication: false, reason };
}
