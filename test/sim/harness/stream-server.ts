/**
 * The server's side of `stream-load.ts`: reads each request to its end, does what its exchange has planned for the
 * handler, and answers; of a duplex exchange as soon as it knows which it is. One instance for each connection; `starts` are counted over all of them.
 */
import { type Clock, type Timer } from '../../../src/base/clock.js';
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { type StreamListener, type StreamTransport } from '../../../src/transport/stream-transport.js';
import { type ConnectionClosed } from '../../../src/transport/transport-error.js';
import { type Exchange } from './load.js';
import { checkPattern, patternBytes, requestKey, responseKey } from './pattern.js';
import { REQUEST_HEAD_BYTES, ResetCode } from './stream-load.js';
import { check } from './violation.js';

export interface StreamServerOptions {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** The plan of an exchange, by the index in its request. */
  readonly exchange: (index: number) => Exchange | undefined;
  /** A handler starts. */
  readonly onStart: (exchange: Exchange) => void;
  readonly onClosed: (closed: ConnectionClosed) => void;
}

export class StreamServer implements StreamListener {
  readonly #options: StreamServerOptions;
  readonly #transport: StreamTransport;
  readonly #streams = new Map<number, ServerStream>();
  #isReady = false;
  #isClosed = false;
  #isCalling = false;

  constructor(options: StreamServerOptions, transport: StreamTransport) {
    this.#options = options;
    this.#transport = transport;
  }

  call<T>(verb: (transport: StreamTransport) => T): T {
    const wasCalling = this.#isCalling;
    this.#isCalling = true;
    const result = verb(this.#transport);
    this.#isCalling = wasCalling;
    return result;
  }

  onReady(): void {
    this.#check('onReady');
    check(!this.#isReady, () => 'ready twice');
    this.#isReady = true;
  }

  onStreamsAvailable(): void {
    check(false, () => 'a server opens no streams');
  }

  onStreamOpened(streamId: number, isFirstFlight: boolean): void {
    this.#check('onStreamOpened');
    check(!this.#streams.has(streamId), () => `stream ${streamId} was opened twice`);
    check(streamId % 4 === 0 || streamId % 4 === 2, () => `stream ID ${streamId} is the server's own`);
    this.#streams.set(streamId, new ServerStream(streamId, isFirstFlight, this.#options, this));
  }

  onStreamReadable(streamId: number): void {
    this.#check('onStreamReadable');
    this.#stream(streamId).read();
  }

  onStreamWritable(streamId: number): void {
    this.#check('onStreamWritable');
    this.#stream(streamId).write();
  }

  onStreamReset(streamId: number): void {
    this.#check('onStreamReset');
    this.#stream(streamId).onReset();
  }

  onStreamStopped(streamId: number): void {
    this.#check('onStreamStopped');
    this.#stream(streamId).onStopped();
  }

  onClosed(closed: ConnectionClosed): void {
    this.#check('onClosed');
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.dispose();
    this.#options.onClosed(closed);
  }

  #stream(streamId: number): ServerStream {
    const stream = this.#streams.get(streamId);
    check(stream !== undefined, () => `an event of stream ${streamId}, which was never opened`);
    return stream;
  }

  #check(event: string): void {
    check(!this.#isCalling, () => `${event} from within a call`);
    check(!this.#isClosed, () => `${event} after the end`);
  }
}

class ServerStream {
  readonly #streamId: number;
  readonly #isFirstFlight: boolean;
  readonly #options: StreamServerOptions;
  readonly #server: StreamServer;
  readonly #head = new Uint8Array(REQUEST_HEAD_BYTES);
  #plan: Exchange | undefined;
  #received = 0;
  #written = 0;
  #hasStarted = false;
  #isAnswering = false;
  #hasAnswered = false;
  #hasRequest = false;
  /** Nothing is left to read or write. */
  #isOver = false;
  #readTimer: Timer | undefined;
  #handlerTimer: Timer | undefined;

  constructor(streamId: number, isFirstFlight: boolean, options: StreamServerOptions, server: StreamServer) {
    this.#streamId = streamId;
    this.#isFirstFlight = isFirstFlight;
    this.#options = options;
    this.#server = server;
  }

  read(): void {
    while (!this.#isOver && this.#readTimer === undefined) {
      const bytes = this.#server.call((transport) => transport.readStream(this.#streamId));
      if (bytes === undefined) return;
      if (bytes === 'end') {
        this.#onEnd();
        return;
      }
      this.#onBytes(bytes);
      if ((this.#plan?.readPauseMs ?? 0) > 0) this.#pause(this.#plan?.readPauseMs ?? 0);
    }
  }

  write(): void {
    const plan = this.#plan;
    if (!this.#isAnswering || this.#hasAnswered || this.#isOver || plan === undefined) return;
    for (;;) {
      const length = Math.min(
        plan.responseBytes - this.#written,
        this.#options.random.logUniform(0, 200_000),
      );
      const isLast = this.#written + length === plan.responseBytes;
      const piece = patternBytes(responseKey(plan.index), this.#written, length);
      const taken = this.#server.call((transport) => transport.writeStream(this.#streamId, [piece], isLast));
      piece.fill(0xdd);
      check(taken <= length, () => `took ${taken} of ${length} bytes`);
      this.#written += taken;
      if (taken < length) return;
      if (isLast) {
        this.#hasAnswered = true;
        this.#isOver = this.#hasRequest;
        return;
      }
    }
  }

  /** The client gave up: so does the handler, and releases the stream. */
  onReset(): void {
    if (this.#hasStarted && this.#plan?.handler.does === 'ignoreSignal') return;
    this.#end(ResetCode.CANCELLED);
  }

  onStopped(): void {
    this.#end(ResetCode.CANCELLED);
  }

  dispose(): void {
    this.#isOver = true;
    this.#readTimer?.cancel();
    this.#handlerTimer?.cancel();
  }

  #onBytes(bytes: Uint8Array): void {
    check(bytes.length > 0, () => 'read an empty piece');
    const fromHead = Math.max(0, Math.min(bytes.length, REQUEST_HEAD_BYTES - this.#received));
    this.#head.set(bytes.subarray(0, fromHead), this.#received < REQUEST_HEAD_BYTES ? this.#received : 0);
    const body = bytes.subarray(fromHead);
    const bodyOffset = Math.max(0, this.#received - REQUEST_HEAD_BYTES);
    this.#received += bytes.length;
    if (this.#plan === undefined && this.#received >= REQUEST_HEAD_BYTES) this.#onHead();
    if (this.#plan === undefined || body.length === 0) return;
    checkPattern(requestKey(this.#plan.index), bodyOffset, body);
    const total = REQUEST_HEAD_BYTES + this.#plan.requestBytes;
    check(this.#received <= total, () => `received ${this.#received} of ${total} bytes`);
  }

  #onHead(): void {
    const view = new DataView(this.#head.buffer);
    const plan = this.#options.exchange(view.getUint32(0));
    check(plan !== undefined, () => `an exchange that was never started: ${view.getUint32(0)}`);
    check(
      view.getUint32(4) === plan.requestBytes && view.getUint32(8) === plan.responseBytes,
      () => `the head of exchange ${plan.index} is not what was sent`,
    );
    check(
      !this.#isFirstFlight || plan.method !== 'add',
      () => `exchange ${plan.index} came in a first flight`,
    );
    this.#plan = plan;
    if (plan.isDuplex) this.#start(plan);
  }

  #onEnd(): void {
    const plan = this.#plan;
    check(plan !== undefined, () => 'a request ended within its head');
    const total = REQUEST_HEAD_BYTES + plan.requestBytes;
    check(this.#received === total, () => `request ended after ${this.#received} of ${total} bytes`);
    this.#hasRequest = true;
    if (!plan.isDuplex) this.#start(plan);
    else if (this.#hasAnswered) this.#isOver = true;
  }

  #start(plan: Exchange): void {
    this.#hasStarted = true;
    this.#options.onStart(plan);
    const { delayMs } = plan.handler;
    if (delayMs === 0) this.#handle(plan);
    else
      this.#handlerTimer = this.#options.clock.setTimer(() => {
        this.#handle(plan);
      }, delayMs);
  }

  #handle(plan: Exchange): void {
    if (this.#isOver) return;
    switch (plan.handler.does) {
      case 'hangUntilAborted':
        return;
      case 'throwStatus':
      case 'throwError':
        this.#end(ResetCode.INTERNAL);
        return;
      case 'answer':
      case 'ignoreSignal':
        this.#isAnswering = true;
        this.write();
    }
  }

  #pause(delayMs: number): void {
    this.#readTimer = this.#options.clock.setTimer(() => {
      this.#readTimer = undefined;
      this.read();
    }, delayMs);
  }

  #end(code: number): void {
    if (this.#isOver) {
      // Written to its end already: a stop by the peer is answered all the same.
      this.#server.call((transport) => {
        transport.resetStream(this.#streamId, code);
      });
      return;
    }
    this.dispose();
    this.#server.call((transport) => {
      transport.resetStream(this.#streamId, code);
      transport.stopStream(this.#streamId, code);
    });
  }
}
