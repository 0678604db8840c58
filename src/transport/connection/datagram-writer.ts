/**
 * Fills outgoing datagrams: asks the gates (3x limit, congestion window, pacer), then lets the players write in one
 * fixed order, pads what must be padded, seals. Owns when something may leave; what is written is the players' matter.
 */
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { type Path } from '../path/path.js';
import { PacketSpace, type SentPacket } from '../recovery/sent-packet.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { writeHandshakeDone, writeNewToken, writePadding, writePing } from '../wire/frame-writer.js';
import { OpenPacket } from './open-packet.js';
import { type PacketBuilder } from './packet-builder.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';
import { type TransmitDraft, type TransmitPool } from './transmit.js';

/** Until a packet begins. */
const NO_WRITER = new ByteWriter(new Uint8Array(0));

export class DatagramWriter {
  readonly #players: Players;
  readonly #pool: TransmitPool;
  readonly #hello: OpenPacket;
  readonly #protected: OpenPacket;
  #pacedUntil = Number.POSITIVE_INFINITY;

  constructor(players: Players, pool: TransmitPool) {
    this.#players = players;
    this.#pool = pool;
    this.#hello = new OpenPacket(PacketSpace.HELLO, NO_WRITER);
    this.#protected = new OpenPacket(PacketSpace.PROTECTED, NO_WRITER);
  }

  /** When the pacer lets go of what it holds back; Infinity when it holds nothing back. */
  get pacedUntil(): number {
    return this.#pacedUntil;
  }

  pollTransmit(now: number): TransmitDraft | undefined {
    const { hello, protected: main, path, pathMtu, pacer, recovery } = this.#players;
    if (now > this.#pacedUntil) pacer.onLate(this.#pacedUntil, now);
    this.#pacedUntil = Number.POSITIVE_INFINITY;
    const pathProbe = this.#pollPathProbe(now);
    if (pathProbe !== undefined) return pathProbe;
    const room = Math.min(pathMtu.datagramBytes, path.allowance);
    const isAmplificationBlocked = room < MIN_ROOM_BYTES;
    recovery.setAmplificationBlocked(isAmplificationBlocked);
    if (isAmplificationBlocked) return undefined;

    const hasData = this.#hasFrames(hello) || this.#hasFrames(main);
    const isOpen = hasData && this.#isGateOpen(now);
    const wantsHello = this.#wants(hello, isOpen, now);
    const wantsMain = this.#wants(main, isOpen, now);
    if (!wantsHello && !wantsMain) {
      // Last, so that no data waits for a probe that nobody waits for.
      const probe = this.#writeMtuProbe(now);
      if (probe === undefined) recovery.setAppLimited(!hasData);
      return probe;
    }
    const roomForFrames = this.#isSmall(wantsHello, isOpen) ? Math.min(room, MIN_DATAGRAM_BYTES) : room;
    return this.#fill(wantsHello, wantsMain, isOpen, roomForFrames, now);
  }

  /** What must arrive, or holds little, has the base size whatever the path was found to carry. */
  #isSmall(hasHello: boolean, isOpen: boolean): boolean {
    const { protected: main, recovery } = this.#players;
    // [MTU-9]
    if (hasHello) return true;
    // [MTU-6] When large datagrams vanish without a word, one of the probes shows it: of the first PTO the second.
    if (main.probesPending > 0) return main.probesPending === 1 || recovery.ptoCount > 1;
    return !isOpen;
  }

  #fill(
    wantsHello: boolean,
    wantsMain: boolean,
    isOpen: boolean,
    room: number,
    now: number,
  ): TransmitDraft | undefined {
    const { hello, protected: main, path, pathMtu, role } = this.#players;
    const draft = this.#pool.acquire(path.remote, path.local, room);
    const hasHello = wantsHello && this.#writeHello(draft, isOpen, room, now);
    const mustPad = hasHello && role === 'client';
    const hasMain = wantsMain && this.#writeProtected(draft, isOpen, room, mustPad, now);
    if (!hasHello && !hasMain) {
      this.#pool.release(draft);
      return undefined;
    }
    // [HDR-6] A client's hello datagram is padded, in its last packet, so that the server may answer with three times as much.
    if (mustPad) {
      if (hasMain) this.#protected.padTo(MIN_DATAGRAM_BYTES, main);
      else this.#hello.padTo(MIN_DATAGRAM_BYTES, hello);
    }
    if (hasHello) this.#onSent(this.#hello.seal(hello, now), hello, now);
    if (hasMain) this.#onSent(this.#protected.seal(main, now), main, now);
    if (isOpen && this.#hasFrames(main)) pathMtu.onDatagramFull();
    return this.#finish(draft, path);
  }

  /** [MTU-4] PING and PADDING of a size that the path is not known to carry. It asks for no room in the window. */
  #writeMtuProbe(now: number): TransmitDraft | undefined {
    const { protected: main, path, pathMtu, controller } = this.#players;
    const bytes = pathMtu.nextProbe(controller.congestionWindow, now);
    if (bytes === undefined || main.sealer === undefined || path.allowance < bytes) return undefined;
    const draft = this.#pool.acquire(path.remote, path.local, bytes);
    const packet = this.#protected;
    this.#beginProtected(draft.writer, bytes, path, now);
    packet.isMtuProbe = true;
    writePingFrame(packet);
    packet.finishPayload(main);
    packet.padTo(bytes, main);
    const sent = packet.seal(main, now);
    this.#onSent(sent, main, now);
    pathMtu.onProbeSent(sent.packetNumber, bytes);
    return this.#finish(draft, path);
  }

  /** What a path has to ask or to answer leaves in a datagram of its own, from and to the ends of that path. */
  #pollPathProbe(now: number): TransmitDraft | undefined {
    const players = this.#players;
    const { protected: main, paths, recovery, role, stats } = players;
    const path = paths.nextToProbe(recovery.canSend(MIN_DATAGRAM_BYTES), now);
    if (path === undefined || main.sealer === undefined) return undefined;
    const room = Math.min(MIN_DATAGRAM_BYTES, path.allowance);
    const draft = this.#pool.acquire(path.remote, path.local, MIN_DATAGRAM_BYTES);
    const packet = this.#protected;
    this.#beginProtected(draft.writer, room, path, now);
    const wantedBytes = path.writeFrames(packet, paths.drawChallenge, now);
    paths.onFramesSent(packet.frames.length);
    // [MIG-9] Only a packet that does more than look around shows a server that its client is still where it was.
    if (role === 'client') writePingFrame(packet);
    packet.finishPayload(main);
    packet.padTo(Math.min(wantedBytes, room), main);
    stats.pathProbesSent++;
    this.#onSent({ ...packet.seal(main, now), isOffPath: true }, main, now);
    return this.#finish(draft, path);
  }

  #finish(draft: TransmitDraft, path: Path): TransmitDraft {
    const { stats } = this.#players;
    draft.length = draft.writer.offset;
    draft.segmentSize = draft.length;
    path.onSent(draft.length);
    stats.datagramsSent++;
    stats.bytesSent += draft.length;
    return draft;
  }

  #onSent(packet: SentPacket, state: PacketSpaceState, now: number): void {
    const { recovery, pacer, idle, numberSkips, stats } = this.#players;
    recovery.onPacketSent(packet, now);
    if (packet.isInFlight && packet.isOffPath !== true) pacer.onSent(packet.bytes, now);
    if (packet.isAckEliciting) {
      idle.onAckElicitingSent(now);
      if (state.probesPending > 0 && packet.isOffPath !== true) state.probesPending--;
    }
    stats.packetsSent++;
    // [PKN-5]
    if (
      state.space === PacketSpace.PROTECTED &&
      numberSkips.onPacketSent(recovery.packetsInFlight(state.space))
    )
      state.nextPacketNumber++;
  }

  #writeHello(draft: TransmitDraft, isOpen: boolean, room: number, now: number): boolean {
    const { hello, handshakeStream } = this.#players;
    const packet = this.#hello;
    packet.begin(this.#players, hello, draft.writer, room);
    if (hello.acks.hasAnythingToAck) hello.acks.writeAck(packet, now);
    if (isOpen || hello.probesPending > 0) {
      handshakeStream.writeFrames(packet);
      if (hello.probesPending > 0 && !packet.isAckEliciting) writePingFrame(packet);
    }
    return this.#keep(packet, hello);
  }

  /** The one place where the order of frames in a PROTECTED packet is decided. */
  #writeProtected(
    draft: TransmitDraft,
    isOpen: boolean,
    room: number,
    isPadded: boolean,
    now: number,
  ): boolean {
    const { protected: main, handshakeStream, streams, role, path, isPingPending, keyPhases } = this.#players;
    const packet = this.#protected;
    if (draft.writer.offset + SHORT_PACKET_BYTES > room) return false;
    this.#beginProtected(draft.writer, room, path, now);
    if (main.acks.hasAnythingToAck) {
      main.acks.writeAck(packet, now);
      if (packet.hasPayload) keyPhases.onAckWritten();
    }
    if (isOpen || main.probesPending > 0) {
      // [RST-4] In front, because a STREAM frame may run to the end of the packet.
      if (role === 'client' && (main.probesPending > 0 || isPingPending)) {
        writePadding(packet.writer, PROBE_PADDING_BYTES);
      }
      this.#writeHandshakeDone(packet);
      handshakeStream.writeFrames(packet);
      this.#writePing(packet);
      this.#writeConnectionIds(packet);
      this.#writeNewToken(packet, now);
      this.#writeAckFrequency(packet);
      streams.writeControl(packet, now);
      streams.writeStreams(packet, !isPadded);
      if (main.probesPending > 0 && !packet.isAckEliciting) writePingFrame(packet);
    }
    return this.#keep(packet, main);
  }

  /** [KEY-5] Keys are updated only when there is something to seal. */
  #beginProtected(writer: ByteWriter, room: number, path: Path, now: number): void {
    const players = this.#players;
    const { keyPhases, recovery, isConfirmed } = players;
    if (isConfirmed) keyPhases.updateIfDue(recovery.largestAcked(PacketSpace.PROTECTED), now);
    this.#protected.begin(players, players.protected, writer, room, path);
  }

  #keep(packet: OpenPacket, state: PacketSpaceState): boolean {
    if (!packet.hasPayload) {
      packet.abandon();
      return false;
    }
    packet.finishPayload(state);
    return true;
  }

  #writeHandshakeDone(packet: OpenPacket): void {
    if (!this.#players.isHandshakeDonePending || !writeHandshakeDone(packet.writer)) return;
    this.#players.isHandshakeDonePending = false;
    packet.frames.push({ kind: 'handshakeDone' });
    packet.isAckEliciting = true;
  }

  /** [MIG-2] New IDs are in no hurry: they ride in packets that ask for an answer anyway, and cost no datagram. */
  #writeConnectionIds(packet: OpenPacket): void {
    const { localIds, remoteIds, streams } = this.#players;
    if (remoteIds.hasFramesToSend) remoteIds.writeFrames(packet);
    if (!packet.isAckEliciting && !streams.hasFramesToSend) return;
    if (localIds.hasFramesToSend) localIds.writeFrames(packet);
  }

  /** [TOK-4] Not in a hurry either. */
  #writeNewToken(packet: OpenPacket, now: number): void {
    const { isTokenPending, tokens, path, streams } = this.#players;
    if (!isTokenPending || packet.writer.remaining < TOKEN_ROOM_BYTES) return;
    if (!packet.isAckEliciting && !streams.hasFramesToSend) return;
    if (!writeNewToken(packet.writer, tokens.issue(path.remote, now))) return;
    this.#players.isTokenPending = false;
    packet.frames.push({ kind: 'newToken' });
    packet.isAckEliciting = true;
  }

  #writeAckFrequency(packet: OpenPacket): void {
    const { ackFrequency, recovery, streams } = this.#players;
    if (!packet.isAckEliciting && !streams.hasFramesToSend) return;
    ackFrequency.writeFrames(
      packet,
      recovery.packetsInFlight(PacketSpace.PROTECTED),
      recovery.packetThreshold,
    );
  }

  #writePing(packet: OpenPacket): void {
    if (!this.#players.isPingPending) return;
    this.#players.isPingPending = false;
    writePingFrame(packet);
  }

  #hasFrames(state: PacketSpaceState): boolean {
    if (state.sealer === undefined) return false;
    const { handshakeStream, streams, remoteIds, isHandshakeDonePending, isPingPending } = this.#players;
    if (state.space === PacketSpace.HELLO) return handshakeStream.hasFramesToSend(PacketSpace.HELLO);
    return (
      streams.hasFramesToSend ||
      isHandshakeDonePending ||
      isPingPending ||
      remoteIds.hasFramesToSend ||
      handshakeStream.hasFramesToSend(PacketSpace.PROTECTED)
    );
  }

  #wants(state: PacketSpaceState, isOpen: boolean, now: number): boolean {
    if (state.sealer === undefined) return false;
    return state.probesPending > 0 || (isOpen && this.#hasFrames(state)) || state.acks.hasAckToSend(now);
  }

  #isGateOpen(now: number): boolean {
    const { recovery, pacer, pathMtu } = this.#players;
    if (!recovery.canSend(pathMtu.datagramBytes)) return false;
    const sendTime = pacer.nextSendTime(pathMtu.datagramBytes, now);
    if (sendTime <= now) return true;
    this.#pacedUntil = sendTime;
    return false;
  }
}

function writePingFrame(packet: PacketBuilder): void {
  if (!writePing(packet.writer)) return;
  packet.frames.push({ kind: 'ping' });
  packet.isAckEliciting = true;
}

/** Below this nothing useful fits: the rest of the 3x limit is left for later. */
const MIN_ROOM_BYTES = 64;
/** Header, protection and a short frame: less than that is not worth a second packet in a datagram. */
const SHORT_PACKET_BYTES = 48;
/** For a token of ours: with less it is not worth making one. */
const TOKEN_ROOM_BYTES = 128;
/** Makes a packet with a header, this and a PING larger than LARGEST_RESET_BYTES. */
const PROBE_PADDING_BYTES = 28;
