/**
 * The frames about streams that carry none of their bytes: RESET_STREAM, STOP_SENDING, MAX_…, …_BLOCKED. What is
 * queued is only that a frame is due; its content is looked up when it is written, so a frame that is sent again
 * after a loss carries what is true then, and one that has become pointless is not written [REC-3].
 */
import { RingQueue } from '../../base/ring-queue.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type SentFrame } from '../recovery/sent-packet.js';
import {
  writeDataBlocked,
  writeMaxData,
  writeMaxStreamData,
  writeMaxStreams,
  writeResetStream,
  writeStopSending,
  writeStreamDataBlocked,
  writeStreamsBlocked,
} from '../wire/frame-writer.js';
import { type ReceiveWindow, type SendCredit } from './flow-control.js';
import { type Stream } from './stream.js';
import { type WindowTuner } from './window-tuner.js';

export const StreamControl = { RESET: 1, STOP: 2, LIMIT: 4, BLOCKED: 8 } as const;
export type StreamControl = (typeof StreamControl)[keyof typeof StreamControl];

export const ConnectionControl = {
  MAX_DATA: 1,
  MAX_STREAMS: 2,
  DATA_BLOCKED: 4,
  STREAMS_BLOCKED: 8,
} as const;
export type ConnectionControl = (typeof ConnectionControl)[keyof typeof ConnectionControl];

/** What is limited for all streams together. */
export interface ConnectionFlow {
  readonly receiveWindow: ReceiveWindow;
  readonly windows: WindowTuner;
  /** Counts the streams the peer opened and those of them that are retired. */
  readonly peerStreams: ReceiveWindow;
  readonly sendCredit: SendCredit;
  /** Counts the streams we opened. */
  readonly streamCredit: SendCredit;
}

/** Type, ID and limit, whatever they are: a window grows when its limit is written, so it is written for certain. */
const MAX_LIMIT_FRAME_BYTES = 17;

export class ControlQueue {
  /** Being blocked is worth a word only once the limits are the peer's own. */
  mayReportBlocked = false;

  private readonly flow: ConnectionFlow;
  private pending = 0;
  private readonly streams = new RingQueue<Stream>();

  constructor(flow: ConnectionFlow) {
    this.flow = flow;
  }

  get isEmpty(): boolean {
    return this.dueForConnection() === 0 && this.firstDue() === undefined;
  }

  add(control: ConnectionControl): void {
    this.pending |= control;
  }

  addFor(stream: Stream, control: StreamControl): void {
    stream.pendingControls |= control;
    if (stream.isInControlQueue) return;
    stream.isInControlQueue = true;
    this.streams.push(stream);
  }

  /** The stream has bytes to send: tells the peer, once for each limit, when one holds them back. */
  reportBlocked(stream: Stream): void {
    if (!this.mayReportBlocked) return;
    const { send } = stream;
    const { sendCredit } = this.flow;
    if (send.isBlocked) {
      if (send.credit.takeBlockedReport()) this.addFor(stream, StreamControl.BLOCKED);
    } else if (send.hasNew && sendCredit.takeBlockedReport(send.isBulk ? sendCredit.reserve : 0)) {
      this.add(ConnectionControl.DATA_BLOCKED);
    }
  }

  reportStreamsBlocked(): void {
    if (this.mayReportBlocked && this.flow.streamCredit.takeBlockedReport()) {
      this.add(ConnectionControl.STREAMS_BLOCKED);
    }
  }

  /** As many frames as there is room for. */
  write(builder: PacketBuilder, now: number): void {
    if (!this.writeForConnection(builder, now)) return;
    for (let stream = this.firstDue(); stream !== undefined; stream = this.firstDue()) {
      if (!this.writeForStream(builder, stream, now)) return;
    }
  }

  /** `stream` is undefined when it is retired or the frame is about none. */
  onLost(frame: SentFrame, stream: Stream | undefined): void {
    const { flow } = this;
    switch (frame.kind) {
      case 'resetStream':
        if (stream !== undefined) this.addFor(stream, StreamControl.RESET);
        return;
      case 'stopSending':
        if (stream !== undefined) this.addFor(stream, StreamControl.STOP);
        return;
      case 'maxStreamData':
        if (stream?.receive.needsLimit(frame.limit) !== true) return;
        stream.receive.window.repeat();
        this.addFor(stream, StreamControl.LIMIT);
        return;
      case 'streamDataBlocked':
        if (stream?.send.credit.isBlockedAt(frame.limit) === true) this.addFor(stream, StreamControl.BLOCKED);
        return;
      case 'maxData':
        if (frame.limit !== flow.receiveWindow.advertised) return;
        flow.receiveWindow.repeat();
        this.add(ConnectionControl.MAX_DATA);
        return;
      case 'maxStreams':
        if (frame.limit === flow.peerStreams.advertised) this.add(ConnectionControl.MAX_STREAMS);
        return;
      case 'dataBlocked':
        if (flow.sendCredit.isBlockedAt(frame.limit, flow.sendCredit.reserve))
          this.add(ConnectionControl.DATA_BLOCKED);
        return;
      case 'streamsBlocked':
        if (flow.streamCredit.isBlockedAt(frame.limit)) this.add(ConnectionControl.STREAMS_BLOCKED);
        return;
      default:
        return;
    }
  }

  clear(): void {
    this.pending = 0;
    this.streams.clear();
  }

  private dueForConnection(): number {
    if (this.pending === 0) return 0;
    const { flow } = this;
    if (flow.sendCredit.available > flow.sendCredit.reserve) this.pending &= ~ConnectionControl.DATA_BLOCKED;
    if (flow.streamCredit.available > 0) this.pending &= ~ConnectionControl.STREAMS_BLOCKED;
    if ((this.pending & ConnectionControl.MAX_DATA) !== 0 && flow.windows.mustWithhold(flow.receiveWindow)) {
      this.pending &= ~ConnectionControl.MAX_DATA;
      flow.windows.withholdConnection();
    }
    return this.pending;
  }

  /** The first stream with a frame that is still worth sending; those before it leave the queue. */
  private firstDue(): Stream | undefined {
    for (;;) {
      const stream = this.streams.peek();
      if (stream === undefined || this.dueForStream(stream) !== 0) return stream;
      this.streams.shift();
      stream.isInControlQueue = false;
    }
  }

  /** False when there was no room for one that is due. */
  private writeForConnection(builder: PacketBuilder, now: number): boolean {
    const { flow } = this;
    const { writer } = builder;
    const due = this.dueForConnection();
    if ((due & ConnectionControl.MAX_DATA) !== 0) {
      if (writer.remaining < MAX_LIMIT_FRAME_BYTES) return false;
      const limit = flow.windows.advertiseConnection(now);
      writeMaxData(writer, limit);
      this.written(builder, ConnectionControl.MAX_DATA, { kind: 'maxData', limit });
    }
    if ((due & ConnectionControl.MAX_STREAMS) !== 0) {
      if (!writeMaxStreams(writer, flow.peerStreams.nextLimit())) return false;
      this.written(builder, ConnectionControl.MAX_STREAMS, {
        kind: 'maxStreams',
        limit: flow.peerStreams.advertise(),
      });
    }
    if ((due & ConnectionControl.DATA_BLOCKED) !== 0) {
      const { limit } = flow.sendCredit;
      if (!writeDataBlocked(writer, limit)) return false;
      this.written(builder, ConnectionControl.DATA_BLOCKED, { kind: 'dataBlocked', limit });
    }
    if ((due & ConnectionControl.STREAMS_BLOCKED) !== 0) {
      const { limit } = flow.streamCredit;
      if (!writeStreamsBlocked(writer, limit)) return false;
      this.written(builder, ConnectionControl.STREAMS_BLOCKED, { kind: 'streamsBlocked', limit });
    }
    return true;
  }

  private dueForStream(stream: Stream): number {
    if (stream.pendingControls === 0) return 0;
    const { send, receive } = stream;
    if (!send.isResetDue) stream.pendingControls &= ~StreamControl.RESET;
    if (!receive.isStopDue) stream.pendingControls &= ~StreamControl.STOP;
    if (!receive.wantsMore) stream.pendingControls &= ~StreamControl.LIMIT;
    if (!send.isBlocked) stream.pendingControls &= ~StreamControl.BLOCKED;
    const { windows } = this.flow;
    if ((stream.pendingControls & StreamControl.LIMIT) !== 0 && windows.mustWithhold(receive.window)) {
      stream.pendingControls &= ~StreamControl.LIMIT;
      windows.withhold(stream);
    }
    return stream.pendingControls;
  }

  /** False when there was no room for one that is due. */
  private writeForStream(builder: PacketBuilder, stream: Stream, now: number): boolean {
    const { id: streamId, send, receive } = stream;
    const { writer } = builder;
    const due = this.dueForStream(stream);
    if ((due & StreamControl.RESET) !== 0) {
      if (!writeResetStream(writer, streamId, send.resetCode, send.sentEnd)) return false;
      writtenFor(builder, stream, StreamControl.RESET, { kind: 'resetStream', streamId });
    }
    if ((due & StreamControl.STOP) !== 0) {
      if (!writeStopSending(writer, streamId, receive.stopCode)) return false;
      writtenFor(builder, stream, StreamControl.STOP, { kind: 'stopSending', streamId });
    }
    if ((due & StreamControl.LIMIT) !== 0) {
      if (writer.remaining < MAX_LIMIT_FRAME_BYTES) return false;
      const limit = this.flow.windows.advertiseStream(receive.window, now);
      writeMaxStreamData(writer, streamId, limit);
      writtenFor(builder, stream, StreamControl.LIMIT, { kind: 'maxStreamData', streamId, limit });
      // What the stream may now, all streams together must be able to.
      if (this.flow.receiveWindow.isHalfConsumed) this.add(ConnectionControl.MAX_DATA);
    }
    if ((due & StreamControl.BLOCKED) !== 0) {
      const { limit } = send.credit;
      if (!writeStreamDataBlocked(writer, streamId, limit)) return false;
      writtenFor(builder, stream, StreamControl.BLOCKED, { kind: 'streamDataBlocked', streamId, limit });
    }
    return true;
  }

  private written(builder: PacketBuilder, control: ConnectionControl, frame: SentFrame): void {
    this.pending &= ~control;
    builder.frames.push(frame);
    builder.isAckEliciting = true;
  }
}

function writtenFor(builder: PacketBuilder, stream: Stream, control: StreamControl, frame: SentFrame): void {
  stream.pendingControls &= ~control;
  builder.frames.push(frame);
  builder.isAckEliciting = true;
}
