/**
 * All streams of a connection: opens, finds and retires them, shares out the connection's window and send buffer, and
 * says what is to be sent. The client opens 0, 2, 4, …, the server 1 and no more. A stream is retired
 * when its receiving half was read to the end or reset and its sending half was acknowledged to the end; a frame for
 * one that is retired is old news and ignored. Peer errors are thrown as TransportError.
 */
import { assert } from '../../base/assert.js';
import { IdMap } from '../../base/id-map.js';
import { type StreamEvent } from '../connection/connection-event.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type SentFrame } from '../recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type BudgetWaiter, type BufferBudget } from './buffer-budget.js';
import { type ChunkPool } from './chunk-pool.js';
import { ConnectionControl, ControlQueue, StreamControl, type ConnectionFlow } from './control-queue.js';
import { ReceiveWindow, SendCredit } from './flow-control.js';
import { type PathCapacity } from './path-capacity.js';
import { ReceiveMemory } from './receive-memory.js';
import { ReceiveStream } from './receive-stream.js';
import { SendScheduler } from './send-scheduler.js';
import { SendStream } from './send-stream.js';
import { Stream } from './stream.js';
import { WindowTuner } from './window-tuner.js';
import { WriteRoom } from './write-room.js';
import { FIRST_FLIGHT_LIMITS, type PeerLimits, SERVER_STREAMS, type StreamLimits } from './stream-limits.js';

export interface StreamSetOptions {
  readonly role: 'client' | 'server';
  readonly limits: StreamLimits;
  /** Called from within the methods of the set. */
  readonly emit: (event: StreamEvent) => void;
  /** Shared by all connections of an endpoint, so that its bound holds for them together. */
  readonly pool: ChunkPool;
  readonly budget: BufferBudget;
  readonly path: PathCapacity;
  /** Memory that others have freed gave it something to send or to tell, at a time of their choosing. */
  readonly onBufferRoom: () => void;
}

/** A server knows the client's limits from the hello, before it has anything to send. */
const NOTHING: PeerLimits = { maxData: 0, maxStreamData: 0, maxStreams: 0 };

export class StreamSet implements BudgetWaiter {
  private readonly isServer: boolean;
  private readonly limits: StreamLimits;
  private readonly emit: (event: StreamEvent) => void;
  private readonly pool: ChunkPool;
  private readonly budget: BufferBudget;
  private readonly wake: () => void;
  private readonly memory: ReceiveMemory;
  private readonly flow: ConnectionFlow;
  private readonly controls: ControlQueue;
  private readonly scheduler: SendScheduler;
  private readonly streams = new IdMap<Stream>();
  private peerStreamLimit: number;
  private hasPeerLimits = false;
  /** `open` has found no credit since the last `streamsAvailable`. */
  private isShortOfStreams = false;
  private readonly room: WriteRoom;
  /** Settled streams whose credit was returned before the peer had all of them. */
  private lingeringCount = 0;
  private isClosed = false;

  constructor({ role, limits, emit, pool, budget, path, onBufferRoom }: StreamSetOptions) {
    this.isServer = role === 'server';
    this.limits = limits;
    this.emit = emit;
    this.pool = pool;
    this.budget = budget;
    this.wake = onBufferRoom;
    this.memory = new ReceiveMemory(budget, limits.reassemblyPiecesPerConnection);
    const waitForBudget = (): void => {
      budget.wait(this);
    };
    const receiveWindow = new ReceiveWindow(limits.connectionWindow);
    const peer = this.isServer ? NOTHING : FIRST_FLIGHT_LIMITS;
    const isProvisional = !this.isServer;
    this.peerStreamLimit = peer.maxStreamData;
    this.flow = {
      receiveWindow,
      windows: new WindowTuner(receiveWindow, limits, budget, path, waitForBudget),
      peerStreams: new ReceiveWindow(this.isServer ? limits.maxStreams : SERVER_STREAMS),
      sendCredit: new SendCredit(peer.maxData, isProvisional),
      streamCredit: new SendCredit(peer.maxStreams, isProvisional),
    };
    this.controls = new ControlQueue(this.flow);
    this.scheduler = new SendScheduler(this.controls);
    const onWritable = ({ id }: Stream): void => {
      this.emit({ kind: 'streamWritable', streamId: id });
    };
    this.room = new WriteRoom(limits, budget, path, onWritable, waitForBudget);
  }

  /**
   * That the peer waits is a hint for people who look at packets: windows grow when the application reads, in steps
   * of half a window, and an answer to each hint would make the steps ever smaller.
   */
  readonly onDataBlocked: (limit: number) => void = ignoreHint;
  readonly onStreamsBlocked: (limit: number) => void = ignoreHint;

  /** Streams that are not retired. */
  get openCount(): number {
    return this.streams.size;
  }

  /** Streams that the peer has opened so far, those that are over too. */
  get peerOpenedCount(): number {
    return this.flow.peerStreams.received;
  }

  /** Bytes taken from the application and not yet acknowledged. */
  get sendBufferBytes(): number {
    return this.room.heldBytes;
  }

  /** A writer waits for room, with none of its own bytes under way. */
  get hasStarvedWriter(): boolean {
    return this.room.hasStarvedWriter;
  }

  /** Bytes received and not yet read. */
  get receiveBufferBytes(): number {
    return this.flow.receiveWindow.held;
  }

  /** `writeControl` or `writeStreams` would write something. */
  get hasFramesToSend(): boolean {
    return !this.controls.isEmpty || this.scheduler.maySend(this.flow.sendCredit);
  }

  /** The peer's parameters have come. TransportError when they allow less than the first flight has used. */
  onPeerLimits({ maxData, maxStreamData, maxStreams }: PeerLimits): void {
    if (this.isClosed || this.hasPeerLimits) return;
    this.hasPeerLimits = true;
    this.controls.mayReportBlocked = true;
    this.peerStreamLimit = maxStreamData;
    let isKept = this.flow.sendCredit.settle(maxData) && this.flow.streamCredit.settle(maxStreams);
    for (const stream of this.streams.values()) {
      isKept &&= stream.send.credit.settle(maxStreamData);
      this.scheduler.markReady(stream);
    }
    if (!isKept) {
      throw new TransportError(
        TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
        'stream limits below those of the first flight',
      );
    }
    this.announceStreamCredit();
  }

  /**
   * The ID of a new stream, or undefined at the peer's limit [STR-1] [STR-3]: for a client `streamsAvailable` follows,
   * a server gets no more than it was granted at first [STR-10].
   */
  open(): number | undefined {
    if (this.isClosed) return undefined;
    const { streamCredit } = this.flow;
    if (streamCredit.available === 0) {
      this.isShortOfStreams = true;
      if (!this.isServer) this.controls.reportStreamsBlocked();
      return undefined;
    }
    const id = this.endOfIds(this.isServer ? 1 : 0);
    streamCredit.use(1);
    this.addStream(id);
    return id;
  }

  /**
   * Copies as many bytes as there is room for and returns their number; after less than all `streamWritable` follows.
   * `fin` takes effect when all were taken. What is written to a half that was reset or stopped is taken and dropped,
   * so that nobody waits for room in it; `fin` then releases a stopped stream as `reset` would.
   */
  write(id: number, pieces: readonly Uint8Array[], fin: boolean): number {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const stream = this.known(id);
    if (stream === undefined) return length;
    const { send } = stream;
    if (!send.takesBytes) {
      assert(!send.isFinished, 'nothing is written behind the end of a stream');
      if (fin && send.stoppedWith !== undefined) this.reset(id, send.stoppedWith);
      return length;
    }
    const taken = Math.min(length, this.room.roomOf(stream));
    if (taken > 0) send.write(pieces, taken);
    this.room.onTaken(stream, taken, taken === length);
    if (fin && taken === length) send.finish();
    this.scheduler.markReady(stream);
    this.settle(stream);
    return taken;
  }

  /** The next bytes, `'end'` once behind the last of a finished stream, or undefined when there is nothing now. */
  read(id: number): Uint8Array | 'end' | undefined {
    const stream = this.known(id);
    if (stream === undefined) return undefined;
    const piece = stream.receive.read();
    if (piece === 'end') {
      this.settle(stream);
    } else if (piece !== undefined) {
      this.giveBack(piece.length);
      if (stream.receive.isUpdateDue) this.controls.addFor(stream, StreamControl.LIMIT);
    }
    return piece;
  }

  /** Ends our sending half at once. Nothing happens when it had ended and all of it was acknowledged. */
  reset(id: number, code: number): void {
    const stream = this.known(id);
    if (stream === undefined || !stream.send.mayReset) return;
    const released = stream.send.reset(code);
    this.controls.addFor(stream, StreamControl.RESET);
    this.room.onReleased(stream, released);
    this.settle(stream);
  }

  /** We read no more: drops what is there, and asks the peer to stop. */
  stop(id: number, code: number): void {
    const stream = this.known(id);
    if (stream === undefined) return;
    const { receive } = stream;
    if (!receive.isReceiving) return;
    const held = receive.heldBytes;
    receive.stop(code);
    this.giveBack(held - receive.heldBytes);
    if (receive.isStopDue) this.controls.addFor(stream, StreamControl.STOP);
    this.settle(stream);
  }

  onStreamFrame(id: number, offset: number, data: Uint8Array, fin: boolean, isFirstFlight: boolean): void {
    const stream = this.streamOf(id, isFirstFlight);
    if (stream === undefined) return;
    const { receive } = stream;
    const wasReadable = receive.isReadable;
    const held = receive.heldBytes;
    this.charge(receive, held, receive.onData(offset, data, fin));
    if (receive.isReadable && !wasReadable) this.emit({ kind: 'streamReadable', streamId: id });
    this.settle(stream);
  }

  onResetStream(id: number, code: number, finalSize: number, isFirstFlight = false): void {
    const stream = this.streamOf(id, isFirstFlight);
    if (stream === undefined) return;
    const { receive } = stream;
    const isNews = receive.isReceiving;
    const held = receive.heldBytes;
    this.charge(receive, held, receive.onReset(finalSize));
    if (isNews && receive.isReset) this.emit({ kind: 'streamReset', streamId: id, code });
    this.settle(stream);
  }

  /** [STR-6] Our half stays until the application resets it, unless it had finished: then nobody else would. */
  onStopSending(id: number, code: number, isFirstFlight = false): void {
    const stream = this.streamOf(id, isFirstFlight);
    if (stream === undefined) return;
    const { send } = stream;
    if (send.isFinished) {
      this.reset(id, code);
    } else if (send.takesBytes) {
      this.room.onReleased(stream, send.onStopSending(code));
      this.emit({ kind: 'streamStopped', streamId: id, code });
    }
  }

  onMaxData(limit: number): void {
    this.flow.sendCredit.raise(limit);
  }

  onMaxStreamData(id: number, limit: number, isFirstFlight = false): void {
    const stream = this.streamOf(id, isFirstFlight);
    if (stream?.send.credit.raise(limit) === true) this.scheduler.markReady(stream);
  }

  /** Without meaning for a server [STR-3]. */
  onMaxStreams(limit: number): void {
    if (this.isServer) return;
    this.flow.streamCredit.raise(limit);
    this.announceStreamCredit();
  }

  onStreamDataBlocked(id: number, _limit: number, isFirstFlight = false): void {
    this.streamOf(id, isFirstFlight);
  }

  /** RESET_STREAM, STOP_SENDING, MAX_…, …_BLOCKED: as many as there is room for. */
  writeControl(builder: PacketBuilder, now: number): void {
    this.controls.write(builder, now);
  }

  /**
   * STREAM frames, as many as there is room and credit for. `isLast`: nothing, not even PADDING, follows in the
   * packet, so that a frame that fills it needs no length field.
   */
  writeStreams(builder: PacketBuilder, isLast = false): void {
    this.scheduler.write(builder, this.flow.sendCredit, isLast);
  }

  onDelivered(frame: SentFrame): void {
    if (frame.kind !== 'stream' && frame.kind !== 'resetStream') return;
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined) return;
    if (frame.kind === 'stream') {
      this.room.onReleased(stream, stream.send.onDelivered(frame.offset, frame.length, frame.fin));
    } else {
      stream.send.onResetDelivered();
    }
    this.settle(stream);
  }

  onLost(frame: SentFrame): void {
    const stream = 'streamId' in frame ? this.streams.get(frame.streamId) : undefined;
    if (frame.kind !== 'stream') {
      this.controls.onLost(frame, stream);
    } else if (stream !== undefined) {
      stream.send.onLost(frame.offset, frame.length, frame.fin);
      this.scheduler.markReady(stream);
    }
  }

  /** It is our turn to use memory that others have freed. */
  onBufferRoom(): void {
    const { streams, hasConnection } = this.flow.windows.takeWithheld();
    for (const stream of streams) this.controls.addFor(stream, StreamControl.LIMIT);
    if (hasConnection) this.controls.add(ConnectionControl.MAX_DATA);
    this.room.onBudgetRoom();
    this.wake();
  }

  /** The connection is gone: drops everything, without an event. */
  closeAll(): void {
    this.isClosed = true;
    this.budget.leave(this);
    this.flow.windows.clear();
    this.room.clear();
    for (const stream of this.streams.values()) {
      this.room.onReleased(stream, stream.send.close());
      stream.receive.close();
    }
    // Not stream by stream: after a violation the windows do not add up any more.
    const { receiveWindow } = this.flow;
    receiveWindow.consume(receiveWindow.held);
    this.streams.clear();
    this.controls.clear();
    this.scheduler.clear();
  }

  /** For the application's verbs: undefined for a retired stream; one that never was is our bug. */
  private known(id: number): Stream | undefined {
    const stream = this.streams.get(id);
    assert(stream !== undefined || id < this.endOfIds(id), 'a stream is opened before it is used');
    return stream;
  }

  /** IDs from here on, of the side whose ID `id` is, were never opened. */
  private endOfIds(id: number): number {
    const { streamCredit, peerStreams } = this.flow;
    return 2 * (this.isOurs(id) ? streamCredit.used : peerStreams.received) + (id % 2);
  }

  /** We open the streams with such IDs. */
  private isOurs(id: number): boolean {
    return (id % 2 === 1) === this.isServer;
  }

  /** For the peer's frames: undefined for a retired stream [STR-8]; opens what the peer opens [STR-1]. */
  private streamOf(id: number, isFirstFlight: boolean): Stream | undefined {
    const stream = this.streams.get(id);
    if (stream !== undefined || this.isClosed) return stream;
    if (!this.isOurs(id)) return this.openTo(id, isFirstFlight);
    if (id >= this.endOfIds(id)) {
      throw new TransportError(TransportErrorCode.STREAM_STATE_ERROR, `stream ${id} was never opened`);
    }
    return undefined;
  }

  /** [STR-2] The peer opens `id`, and with it all its own below (RFC 9000 §3.2). Undefined when that was long ago. */
  private openTo(id: number, isFirstFlight: boolean): Stream | undefined {
    const { peerStreams } = this.flow;
    let next = this.endOfIds(id);
    if (id < next) return undefined;
    if (!peerStreams.receive((id - next) / 2 + 1)) throw streamLimitError(id);
    let stream: Stream | undefined;
    for (; next <= id; next += 2) {
      stream = this.addStream(next);
      this.emit({ kind: 'streamOpened', streamId: next, isFirstFlight });
    }
    if (this.isServer) this.renewPeerStreams();
    return stream;
  }

  private addStream(id: number): Stream {
    const { limits } = this;
    // Until the peer's parameters have come every limit of a stream is the first flight's.
    const credit = new SendCredit(this.peerStreamLimit, !this.isServer && !this.hasPeerLimits);
    const stream = new Stream(
      id,
      new SendStream(id, this.pool, credit),
      new ReceiveStream(limits.streamWindow, limits.reassemblyPieces, this.memory),
    );
    this.streams.set(id, stream);
    return stream;
  }

  /**
   * [STR-7] Credit for another stream is returned when the application is done with both halves, in the packet of its
   * last bytes: who waited for their acknowledgement would lose a round trip. Of such streams there are no more than
   * may be open, whatever the peer fails to acknowledge.
   */
  private settle(stream: Stream): void {
    const { send, receive } = stream;
    if (!receive.isTerminal || !send.isSettled) return;
    const isRetired = send.isTerminal && this.streams.delete(stream.id);
    if (!this.isServer || this.isOurs(stream.id)) return;
    if (stream.isCreditReturned) {
      if (isRetired) this.lingeringCount--;
    } else if (isRetired || this.lingeringCount < this.limits.maxStreams) {
      if (!isRetired) this.lingeringCount++;
      stream.isCreditReturned = true;
      this.flow.peerStreams.consume(1);
      this.renewPeerStreams();
    }
  }

  private renewPeerStreams(): void {
    if (this.flow.peerStreams.isRunningLow) this.controls.add(ConnectionControl.MAX_STREAMS);
  }

  /** Takes what a frame has brought off the connection's window, and gives back what was not kept of it. */
  private charge(receive: ReceiveStream, heldBefore: number, used: number): void {
    if (!this.flow.receiveWindow.receive(used)) {
      throw new TransportError(
        TransportErrorCode.FLOW_CONTROL_ERROR,
        'data above the limit of the connection',
      );
    }
    this.giveBack(heldBefore + used - receive.heldBytes);
  }

  private giveBack(bytes: number): void {
    if (bytes === 0) return;
    const { receiveWindow } = this.flow;
    receiveWindow.consume(bytes);
    if (receiveWindow.isUpdateDue) this.controls.add(ConnectionControl.MAX_DATA);
  }

  private announceStreamCredit(): void {
    if (this.isClosed || !this.isShortOfStreams || this.flow.streamCredit.available === 0) return;
    this.isShortOfStreams = false;
    this.emit({ kind: 'streamsAvailable' });
  }
}

function streamLimitError(id: number): TransportError {
  return new TransportError(TransportErrorCode.STREAM_LIMIT_ERROR, `stream ${id} is above the limit`);
}

function ignoreHint(): void {
  // Nothing to do.
}
