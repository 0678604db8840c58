/**
 * The credit that one side grants, held against what came and against what its options and its memory allow. How much
 * was read is known of all streams together, and of each when nothing waits to be read; else what came bounds it.
 */
import { type ConnectionFacts } from '../../../src/transport/connection/connection-observer.js';
import { type Players } from '../../../src/transport/connection/players.js';
import { type SentPacket } from '../../../src/transport/recovery/sent-packet.js';
import { type BufferBudget } from '../../../src/transport/stream/buffer-budget.js';
import { type Frame } from '../../../src/transport/wire/frame.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import { check } from './violation.js';

/** What was received on one stream, as far as its largest offset tells, and to where it may go. */
interface Stream {
  received: number;
  granted: number;
  /** No more is wanted, or no more will come. */
  isOver: boolean;
}

export class CreditWatch {
  readonly #name: string;
  readonly #options: ConnectionFacts['options'];
  /** Of the host that it runs on. */
  readonly #buffers: BufferBudget;
  readonly #streams = new Map<number, Stream>();
  /** Those of which half a window came since their limit was told. */
  readonly #halfUsed = new Set<number>();
  /** Those whose limit got lost when it was told last, and which the peer may still use. */
  readonly #lost = new Set<number>();
  #received = 0;
  #granted: number;
  /** To what the largest window of a stream was tuned, at least. */
  #tunedWindow = 0;

  constructor(name: string, { options }: ConnectionFacts, buffers: BufferBudget) {
    this.#name = name;
    this.#options = options;
    this.#buffers = buffers;
    this.#granted = options.connectionWindow;
  }

  onReceived(frame: Frame): void {
    if (frame.type === FrameType.STREAM) {
      this.#receive(frame.streamId, frame.offset + frame.data.length, frame.fin);
    } else if (frame.type === FrameType.RESET_STREAM) {
      this.#receive(frame.streamId, frame.finalSize, true);
    }
  }

  onSent(frame: Frame, players: Players | undefined): void {
    if (frame.type === FrameType.MAX_DATA && players !== undefined) {
      this.#onMaxData(frame.limit, this.#received - players.streams.receiveBufferBytes);
    } else if (frame.type === FrameType.MAX_STREAM_DATA) {
      this.#onMaxStreamData(frame.streamId, frame.limit);
    } else if (frame.type === FrameType.STOP_SENDING) {
      this.#end(frame.streamId, this.#stream(frame.streamId));
    }
  }

  onLost(packets: readonly SentPacket[]): void {
    for (const frame of packets.flatMap(({ frames }) => frames)) {
      if (frame.kind !== 'maxStreamData') continue;
      const { granted, isOver } = this.#stream(frame.streamId);
      if (frame.limit === granted && !isOver) this.#lost.add(frame.streamId);
    }
  }

  /**
   * [FLC-3] At the end of a turn: what was granted is told until it is known, whatever memory there is; and unless it is short
   * the peer has more than half a window, or is about to hear of more.
   */
  checkGranted({ streams }: Players): void {
    if (streams.hasFramesToSend) return;
    check(
      this.#lost.size === 0,
      () => `${this.#name}: limits of streams ${[...this.#lost].join(' ')} were lost, and are not told again`,
    );
    if (!this.#buffers.mayGrow) return;
    const { connectionWindow, streamWindow } = this.#options;
    const held = streams.receiveBufferBytes;
    const left = this.#granted - (this.#received - held);
    check(
      left * 2 > connectionWindow,
      () => `${this.#name}: all that came was read but ${held} bytes, and ${left} bytes of credit are left`,
    );
    if (held > 0) return;
    for (const streamId of this.#halfUsed) {
      const { granted, received } = this.#stream(streamId);
      check(
        (granted - received) * 2 > streamWindow,
        () => `${this.#name}: stream ${streamId} is read, and ${granted - received} bytes of credit are left`,
      );
    }
  }

  #onMaxData(limit: number, consumed: number): void {
    const { connectionWindow, maxConnectionWindow } = this.#options;
    const window = limit - consumed;
    this.#checkLimit(
      'the connection',
      window,
      Math.max(connectionWindow, maxConnectionWindow),
      limit > this.#granted,
    );
    this.#granted = limit;
    if (this.#buffers.isExhausted) return;
    // [FLC-7] One and a half times the largest of a stream.
    const least = Math.min(1.5 * this.#tunedWindow, maxConnectionWindow);
    check(
      window >= least,
      () =>
        `${this.#name}: a window of ${window} bytes, and that of a stream is tuned to ${this.#tunedWindow}`,
    );
  }

  #onMaxStreamData(streamId: number, limit: number): void {
    const { streamWindow, maxStreamWindow } = this.#options;
    const stream = this.#stream(streamId);
    const ahead = limit - stream.received;
    this.#checkLimit(
      `stream ${streamId}`,
      ahead,
      Math.max(streamWindow, maxStreamWindow),
      limit > stream.granted,
    );
    stream.granted = limit;
    this.#lost.delete(streamId);
    if (ahead > streamWindow) this.#tunedWindow = Math.max(this.#tunedWindow, ahead);
    if (ahead * 2 > streamWindow) this.#halfUsed.delete(streamId);
  }

  /** `ahead`: the least that the window can be. `isNews`: a limit that was lost is told again whatever memory there is. */
  #checkLimit(whose: string, ahead: number, most: number, isNews: boolean): void {
    check(ahead <= most, () => `${this.#name}: ${whose} is granted ${ahead} bytes, of at most ${most}`);
    check(
      !isNews || !this.#buffers.isExhausted || ahead <= SHORT_WINDOW_BYTES,
      () => `${this.#name}: ${whose} is granted ${ahead} bytes, and no memory is left`,
    );
  }

  #receive(streamId: number, end: number, isFinal: boolean): void {
    const stream = this.#stream(streamId);
    this.#received += Math.max(0, end - stream.received);
    stream.received = Math.max(stream.received, end);
    if (isFinal) this.#end(streamId, stream);
    else if (!stream.isOver && (stream.granted - stream.received) * 2 <= this.#options.streamWindow)
      this.#halfUsed.add(streamId);
  }

  #end(streamId: number, stream: Stream): void {
    stream.isOver = true;
    this.#halfUsed.delete(streamId);
    this.#lost.delete(streamId);
  }

  #stream(streamId: number): Stream {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = { received: 0, granted: this.#options.streamWindow, isOver: false };
      this.#streams.set(streamId, stream);
    }
    return stream;
  }
}

/** What every window counts as when no memory is left (`flow-control.ts`). */
const SHORT_WINDOW_BYTES = 65_536;
