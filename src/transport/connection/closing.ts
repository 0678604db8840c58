/**
 * The end of a connection (RFC 9000 §10.2): the CLOSE that we owe the peer, and how long what still arrives is caught
 * so that it is not taken for something new. Answers to a peer that goes on sending get rarer: each needs twice as
 * many datagrams as the one before [CLS-2].
 */
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { type ConnectionClosed, TransportErrorCode } from '../transport-error.js';
import { FrameType } from '../wire/frame-type.js';
import { writeClose } from '../wire/frame-writer.js';
import { type ByteWriter } from '../wire/byte-writer.js';
import { OpenPacket } from './open-packet.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';
import { type Transmit, type TransmitPool } from './transmit.js';

export class Closing {
  readonly closed: ConnectionClosed;
  /** When the connection may be forgotten. */
  readonly endsAt: number;
  readonly #isAnswering: boolean;
  #owesClose: boolean;
  #receivedCount = 0;
  #answerAt = 1;

  /** Draining (`owesClose` false) only waits: the peer knows, or must not be answered. */
  constructor(closed: ConnectionClosed, owesClose: boolean, ptoMs: number, now: number) {
    this.closed = closed;
    this.#isAnswering = owesClose;
    this.#owesClose = owesClose;
    this.endsAt = now + CLOSING_PTOS * ptoMs;
  }

  /** Something arrived although we closed. */
  onDatagram(): void {
    if (!this.#isAnswering) return;
    this.#receivedCount++;
    if (this.#receivedCount < this.#answerAt) return;
    this.#answerAt *= 2;
    this.#receivedCount = 0;
    this.#owesClose = true;
  }

  /** The datagram with our CLOSE, once for each time it is owed. */
  pollTransmit(players: Players, pool: TransmitPool, now: number): Transmit | undefined {
    const { path, hello, protected: main, isConfirmed, role, stats } = players;
    // Whatever the path carried so far: nobody would notice if it did not carry this one.
    const room = Math.min(MIN_DATAGRAM_BYTES, path.allowance);
    if (!this.#owesClose || room < MIN_CLOSE_BYTES) return undefined;
    this.#owesClose = false;
    const draft = pool.acquire(path.remote, path.local, MIN_DATAGRAM_BYTES);
    const { writer } = draft;
    // [CLS-3] Before confirmation the peer may be able to open only one of the two, and we cannot know which.
    const packets: [OpenPacket, PacketSpaceState][] = [];
    for (const state of [hello, main]) {
      if (state.sealer === undefined || (state === hello && isConfirmed && role === 'client')) continue;
      if (writer.offset + MIN_CLOSE_BYTES > room) continue;
      const packet = new OpenPacket(state.space, writer);
      packet.begin(players, state, writer, room);
      this.#writeFrame(writer, state.space);
      packet.finishPayload(state);
      packets.push([packet, state]);
    }
    const last = packets.at(-1);
    if (last === undefined) {
      pool.release(draft);
      return undefined;
    }
    if (role === 'client' && packets[0]?.[0].space === PacketSpace.HELLO)
      last[0].padTo(MIN_DATAGRAM_BYTES, last[1]);
    for (const [packet, state] of packets) packet.seal(state, now);
    draft.length = writer.offset;
    draft.segmentSize = draft.length;
    path.onSent(draft.length);
    stats.datagramsSent++;
    stats.bytesSent += draft.length;
    stats.packetsSent += packets.length;
    return draft;
  }

  #writeFrame(writer: ByteWriter, space: PacketSpace): void {
    const { code, isApplication, reason } = this.closed;
    if (space === PacketSpace.PROTECTED && isApplication) {
      writeClose(writer, FrameType.CLOSE_APPLICATION, code, reason);
      return;
    }
    // An application's code means nothing in HELLO packets, where nobody is known yet (RFC 9000 §10.2.3).
    writeClose(
      writer,
      FrameType.CLOSE_TRANSPORT,
      isApplication ? TransportErrorCode.NO_ERROR : code,
      isApplication ? '' : reason,
    );
  }
}

/** RFC 9000 §10.2. */
const CLOSING_PTOS = 3;
/** A CLOSE with a short reason in a HELLO packet. */
const MIN_CLOSE_BYTES = 64;
