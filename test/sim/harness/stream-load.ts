/**
 * The load of a scenario on the transport alone: each exchange is a stream with a request and a response of known
 * bytes. Checks that both arrive as prefixes of what was written and equal at their end, that streams open once, and
 * that listeners are told in order and never from within a call. `stream-server.ts` is the other side.
 */
import { type Clock, type Timer } from '../../../src/base/clock.js';
import { type Connector } from '../../../src/rpc/stream-transport.js';
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { type StreamListener, type StreamTransport } from '../../../src/transport/stream-transport.js';
import { type ConnectionClosed } from '../../../src/transport/transport-error.js';
import { type Exchange } from './load.js';
import { checkPattern, patternBytes, requestKey, responseKey } from './pattern.js';
import { check } from './violation.js';

export type StreamOutcome = 'ok' | 'cancelled' | 'timeout' | 'reset' | 'closed' | 'connectFailed';

/** What the request starts with: index, request bytes, response bytes, each 4 bytes. */
export const REQUEST_HEAD_BYTES = 12;
export const ResetCode = { CANCELLED: 0, DEADLINE: 3, INTERNAL: 4 } as const;

export interface StreamClientOptions {
  readonly clock: Clock;
  readonly connector: Connector;
  readonly random: SeededRandom;
  readonly onSettled: (exchange: Exchange, outcome: StreamOutcome) => void;
  /** `isInUse`: exchanges are under way, or wait for it. */
  readonly onClosed: (closed: ConnectionClosed, isInUse: boolean) => void;
}

/** One client: a connection at a time, made when an exchange wants one. */
export class StreamClient implements StreamListener {
  readonly #options: StreamClientOptions;
  readonly #waiting: ClientExchange[] = [];
  readonly #byStream = new Map<number, ClientExchange>();
  readonly #streamIds = new Set<number>();
  #transport: StreamTransport | undefined;
  #isConnecting = false;
  #isComplete = false;
  #isReady = false;
  #isCalling = false;

  constructor(options: StreamClientOptions) {
    this.#options = options;
  }

  start(exchange: Exchange): void {
    this.#waiting.push(new ClientExchange(exchange, this.#options, this));
    this.#openWaiting();
  }

  close(): void {
    this.call((transport) => {
      transport.close(0, 'done');
    });
  }

  get transport(): StreamTransport | undefined {
    return this.#transport;
  }

  /** Calls the transport, if there is one, and notices events that come from within. */
  call<T>(verb: (transport: StreamTransport) => T): T | undefined {
    if (this.#transport === undefined) return undefined;
    const wasCalling = this.#isCalling;
    this.#isCalling = true;
    const result = verb(this.#transport);
    this.#isCalling = wasCalling;
    return result;
  }

  forget(exchange: ClientExchange): void {
    const index = this.#waiting.indexOf(exchange);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  onHandshakeComplete(): void {
    this.#check('onHandshakeComplete');
    check(!this.#isComplete, () => 'complete twice');
    check(
      this.#transport?.isHandshakeComplete === true,
      () => 'onHandshakeComplete of a transport that is not',
    );
    this.#isComplete = true;
    this.#openWaiting();
  }

  onReady(): void {
    this.#check('onReady');
    check(this.#isComplete, () => 'ready before it is complete');
    check(!this.#isReady, () => 'ready twice');
    check(this.#transport?.isReady === true, () => 'onReady of a transport that is not');
    this.#isReady = true;
  }

  onStreamsAvailable(): void {
    this.#check('onStreamsAvailable');
    this.#openWaiting();
  }

  onStreamOpened(streamId: number): void {
    check(false, () => `the server opened stream ${streamId}`);
  }

  onStreamReadable(streamId: number): void {
    this.#check('onStreamReadable');
    this.#byStream.get(streamId)?.read();
  }

  onStreamWritable(streamId: number): void {
    this.#check('onStreamWritable');
    this.#byStream.get(streamId)?.write();
  }

  onStreamReset(streamId: number): void {
    this.#check('onStreamReset');
    this.#byStream.get(streamId)?.onReset();
  }

  onStreamStopped(streamId: number): void {
    this.#check('onStreamStopped');
    this.#byStream.get(streamId)?.onStopped();
  }

  onClosed(closed: ConnectionClosed): void {
    this.#check('onClosed');
    this.#transport = undefined;
    this.#isComplete = false;
    this.#isReady = false;
    this.#streamIds.clear();
    const open = [...this.#byStream.values()].filter(({ isSettled }) => !isSettled);
    this.#byStream.clear();
    this.#options.onClosed(closed, open.length + this.#waiting.length > 0);
    for (const exchange of open) exchange.settle('closed');
    for (const exchange of [...this.#waiting]) exchange.settle('closed');
  }

  #check(event: string): void {
    check(!this.#isCalling, () => `${event} from within a call`);
    check(this.#transport !== undefined, () => `${event} without a connection`);
  }

  #openWaiting(): void {
    if (this.#waiting.length === 0) return;
    if (this.#transport === undefined) {
      this.#connect();
      return;
    }
    for (const exchange of [...this.#waiting]) {
      // As on the rpc floor: what may not run twice does not ride in the first flight.
      if (!this.#isComplete && exchange.plan.method === 'add') continue;
      const streamId = this.call((transport) => transport.openStream());
      if (streamId === undefined) return;
      check(!this.#streamIds.has(streamId), () => `stream ${streamId} opened twice`);
      this.#streamIds.add(streamId);
      this.#byStream.set(streamId, exchange);
      this.forget(exchange);
      exchange.onStream(streamId);
    }
  }

  #connect(): void {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.#options.connector.connect({
      onTransport: (transport) => {
        this.#isConnecting = false;
        this.#transport = transport;
        // The listener is not installed yet: what happens now must not call it.
        this.#isComplete = false;
        this.#isReady = false;
        this.#openWaiting();
        return this;
      },
      onFailed: () => {
        this.#isConnecting = false;
        for (const exchange of [...this.#waiting]) exchange.settle('connectFailed');
      },
    });
  }
}

class ClientExchange {
  readonly plan: Exchange;
  readonly #options: StreamClientOptions;
  readonly #client: StreamClient;
  #streamId: number | undefined;
  #written = 0;
  #isFinished = false;
  #received = 0;
  #hasResponse = false;
  #outcome: StreamOutcome | undefined;
  #readTimer: Timer | undefined;
  readonly #timers: Timer[] = [];

  constructor(plan: Exchange, options: StreamClientOptions, client: StreamClient) {
    this.plan = plan;
    this.#options = options;
    this.#client = client;
    const { cancelAfterMs, timeoutMs } = plan;
    if (cancelAfterMs !== undefined) this.#after(cancelAfterMs, 'cancelled', ResetCode.CANCELLED);
    // A transfer may take as long as the network needs; only a handler that hangs needs an end.
    if (timeoutMs < 30_000 || plan.handler.does === 'hangUntilAborted')
      this.#after(timeoutMs, 'timeout', ResetCode.DEADLINE);
  }

  get isSettled(): boolean {
    return this.#outcome !== undefined;
  }

  onStream(streamId: number): void {
    this.#streamId = streamId;
    this.write();
  }

  write(): void {
    const streamId = this.#streamId;
    if (streamId === undefined || this.#isFinished || this.#outcome !== undefined) return;
    const total = REQUEST_HEAD_BYTES + this.plan.requestBytes;
    while (!this.#isFinished) {
      const length = Math.min(total - this.#written, this.#options.random.logUniform(0, 200_000));
      const isLast = this.#written + length === total;
      const piece = requestBytes(this.plan, this.#written, length);
      const cut = this.#options.random.between(0, length);
      const taken = this.#client.call((transport) =>
        transport.writeStream(streamId, [piece.subarray(0, cut), piece.subarray(cut)], isLast),
      );
      if (taken === undefined) return;
      // The writer may use its array again at once.
      piece.fill(0xee);
      check(taken <= length, () => `took ${taken} of ${length} bytes`);
      this.#written += taken;
      if (taken < length) return;
      this.#isFinished = isLast;
    }
    if (this.#hasResponse) this.settle('ok');
  }

  read(): void {
    if (this.#readTimer !== undefined) return;
    const streamId = this.#streamId;
    while (streamId !== undefined && this.#outcome === undefined) {
      const bytes = this.#client.call((transport) => transport.readStream(streamId));
      if (bytes === undefined) return;
      if (bytes === 'end') {
        this.#onEnd();
        return;
      }
      check(bytes.length > 0, () => 'read an empty piece');
      checkPattern(responseKey(this.plan.index), this.#received, bytes);
      this.#received += bytes.length;
      check(this.#received <= this.plan.responseBytes, () => `received ${this.#received} bytes, too many`);
      if (this.plan.readPauseMs > 0) {
        this.#readTimer = this.#options.clock.setTimer(() => {
          this.#readTimer = undefined;
          this.read();
        }, this.plan.readPauseMs);
        return;
      }
    }
  }

  onReset(): void {
    this.#releaseSending();
    this.settle('reset');
  }

  onStopped(): void {
    if (this.#streamId === undefined) return;
    const streamId = this.#streamId;
    this.#isFinished = true;
    this.#client.call((transport) => {
      transport.resetStream(streamId, ResetCode.CANCELLED);
    });
  }

  settle(outcome: StreamOutcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#readTimer?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#client.forget(this);
    this.#options.onSettled(this.plan, outcome);
  }

  #onEnd(): void {
    check(
      this.#received === this.plan.responseBytes,
      () => `exchange ${this.plan.index} ended after ${this.#received} of ${this.plan.responseBytes} bytes`,
    );
    this.#hasResponse = true;
    // The other side reads on: what it gets must be whole there too.
    if (this.plan.isDuplex && !this.#isFinished) return;
    this.#releaseSending();
    this.settle('ok');
  }

  #after(delayMs: number, outcome: StreamOutcome, code: number): void {
    const timer = this.#options.clock.setTimer(() => {
      this.#giveUp(outcome, code);
    }, delayMs);
    this.#timers.push(timer);
  }

  #giveUp(outcome: StreamOutcome, code: number): void {
    const streamId = this.#streamId;
    if (streamId !== undefined) {
      this.#client.call((transport) => {
        transport.resetStream(streamId, code);
        transport.stopStream(streamId, code);
        // Idempotent.
        transport.resetStream(streamId, code);
        transport.stopStream(streamId, code);
      });
    }
    this.settle(outcome);
  }

  #releaseSending(): void {
    const streamId = this.#streamId;
    if (streamId === undefined || this.#isFinished) return;
    this.#isFinished = true;
    this.#client.call((transport) => {
      transport.resetStream(streamId, ResetCode.CANCELLED);
    });
  }
}

function requestBytes(plan: Exchange, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const head = new Uint8Array(REQUEST_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, plan.index);
  view.setUint32(4, plan.requestBytes);
  view.setUint32(8, plan.responseBytes);
  const fromHead = Math.max(0, Math.min(length, REQUEST_HEAD_BYTES - offset));
  bytes.set(head.subarray(offset, offset + fromHead));
  const bodyOffset = Math.max(0, offset - REQUEST_HEAD_BYTES);
  bytes.set(patternBytes(requestKey(plan.index), bodyOffset, length - fromHead), fromHead);
  return bytes;
}
