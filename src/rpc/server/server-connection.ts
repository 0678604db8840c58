/**
 * One client's connection on the server: which call has which stream, the transport's events carried to it, and the
 * names of the clients behind it. It decides nothing about a call.
 */
import { IdMap } from '../../base/id-map.js';
import { type ConnectionClosed } from '../../transport/transport-error.js';
import { ConnectionReport } from '../connection-report.js';
import { writeGoAway } from '../framing/go-away.js';
import { CloseCode, ResetCode } from '../framing/reset-code.js';
import { type StreamListener, type StreamTransport } from '../stream-transport.js';
import { CancelMeter } from './cancel-meter.js';
import { ServerCall } from './server-call.js';
import { type ServerRuntime } from './server-runtime.js';
import { type RequestNumber } from './started-requests.js';

export class ServerConnection implements StreamListener {
  readonly transport: StreamTransport;
  readonly runtime: ServerRuntime;
  readonly #onClosed: (connection: ServerConnection, closed: ConnectionClosed) => void;
  readonly #report: ConnectionReport;
  readonly #calls = new IdMap<ServerCall>();
  /** A channel has two: one for the calls that may run twice, one for the others. */
  #clients: ClientInstance[] = [];
  #leavesAt = Infinity;
  /** The last that the client has opened. */
  #lastStreamId: number | undefined;
  /** Made with the first that is cancelled. */
  #cancels: CancelMeter | undefined;

  constructor(
    transport: StreamTransport,
    runtime: ServerRuntime,
    onClosed: (connection: ServerConnection, closed: ConnectionClosed) => void,
  ) {
    this.transport = transport;
    this.runtime = runtime;
    this.#onClosed = onClosed;
    this.#report = new ConnectionReport(runtime.environment, 'server', transport);
    const { limits, environment } = runtime;
    if (limits.maxConnectionAgeMs === Infinity) return;
    // Many that came at once, after a restart, need not leave at once.
    const ageMs = limits.maxConnectionAgeMs * (0.9 + 0.2 * environment.random.fraction());
    this.#leavesAt = environment.clock.now() + ageMs;
  }

  /** Its client had better make further calls on another connection [RPC-12]. */
  get isLeaving(): boolean {
    const { isDraining, environment } = this.runtime;
    return isDraining || (this.#leavesAt < Infinity && environment.clock.now() >= this.#leavesAt);
  }

  /** Calls that have not ended. */
  get callCount(): number {
    return this.#calls.size;
  }

  /** The call is done with its stream. */
  remove(streamId: number): void {
    this.#calls.delete(streamId);
  }

  clientOf(instance: Uint8Array): ClientInstance {
    for (const client of this.#clients) {
      if (client.is(instance)) return client;
    }
    const identity = this.transport.peerCertificate?.fingerprint256;
    const client = new ClientInstance(this.runtime, instance, identity);
    if (this.#clients.length >= MAX_NAMED_CLIENTS) this.#clients.shift();
    this.#clients.push(client);
    return client;
  }

  /** Asks for further calls elsewhere, and refuses those that have not started; how many. */
  drain(): number {
    this.#goAway();
    return this.#calls.values().filter((call) => call.onDrain()).length;
  }

  /** Answers the calls that run, in place of their handlers, and aborts those; how many. */
  abortCalls(): number {
    return this.#calls.values().filter((call) => call.onShutdown()).length;
  }

  onReady(): void {
    this.#report.onReady();
  }

  onStreamsAvailable(): void {
    // Of the one stream that a server may open nobody waits for more credit.
  }

  onStreamOpened(streamId: number, isFirstFlight: boolean): void {
    this.#lastStreamId = Math.max(this.#lastStreamId ?? 0, streamId);
    this.#calls.set(streamId, new ServerCall(this, streamId, isFirstFlight));
  }

  onStreamReadable(streamId: number): void {
    this.#calls.get(streamId)?.onReadable();
  }

  onStreamWritable(streamId: number): void {
    this.#calls.get(streamId)?.onWritable();
  }

  onStreamReset(streamId: number): void {
    const call = this.#calls.get(streamId);
    // Clients reset and stop: that is one cancelling.
    if (call?.isCancelled === false && call.onRequestReset()) this.#countCancel();
  }

  onStreamStopped(streamId: number): void {
    const call = this.#calls.get(streamId);
    if (call?.isCancelled !== false) return;
    call.onCancelled();
    this.#countCancel();
  }

  onClosed(closed: ConnectionClosed): void {
    for (const call of this.#calls.values()) call.onConnectionClosed(closed.by === 'idle');
    this.#report.onClosed(closed);
    this.#onClosed(this, closed);
  }

  /** [RPC-15] */
  #goAway(): void {
    const streamId = this.transport.openStream();
    if (streamId === undefined) return;
    const { writer } = this.runtime;
    writer.clear();
    writeGoAway(writer, { lastStreamId: this.#lastStreamId });
    const taken = this.transport.writeStream(streamId, [writer.bytes], true);
    this.transport.stopStream(streamId, ResetCode.CANCELLED);
    // It is in no hurry, and the trailers say it too: no room, no word.
    if (taken < writer.length) this.transport.resetStream(streamId, ResetCode.CANCELLED);
  }

  #countCancel(): void {
    const { limits, environment } = this.runtime;
    this.#cancels ??= new CancelMeter(limits.maxCancelsPerSecond, limits.cancelFloodSeconds);
    if (!this.#cancels.onCancel(environment.clock.now())) return;
    const flood = `more than ${limits.maxCancelsPerSecond} calls a second for ${limits.cancelFloodSeconds} s`;
    this.transport.close(CloseCode.CANCEL_FLOOD, `${flood} were cancelled`);
  }
}

/** A client's instance as its requests name it. */
export class ClientInstance {
  readonly #runtime: ServerRuntime;
  readonly #bytes: Uint8Array;
  readonly #prefix: string;
  /** [AMO-7] Under which its requests are remembered: no client is given what another one, by its certificate, has asked for. */
  readonly #remembered: string;

  constructor(runtime: ServerRuntime, instance: Uint8Array, identity = '') {
    this.#runtime = runtime;
    // Not a view: it would hold on to the datagram it came in.
    this.#bytes = instance.slice();
    let prefix = '';
    for (const byte of instance) prefix += byte.toString(16).padStart(2, '0');
    this.#prefix = `${prefix}-`;
    this.#remembered = identity + this.#prefix;
  }

  is(instance: Uint8Array): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < bytes.length; index++) {
      if (bytes[index] !== instance[index]) return false;
    }
    return true;
  }

  requestId(sequence: number): string {
    return this.#prefix + String(sequence);
  }

  /** Under which the answer to a request is kept. With the path: no client is given the answer of another method. */
  replyKey(sequence: number, path: string): string {
    return `${this.#remembered}${sequence} ${path}`;
  }

  /** Undefined when the handler of its request may start, once on this server; else why not [AMO-2]. */
  start(request: RequestNumber, receivedAt: number): string | undefined {
    const { started, environment } = this.#runtime;
    return started.start(this.#remembered, request, receivedAt, environment.clock.now());
  }

  /** The handler that `start` allowed has not run: another attempt of the request may start. */
  takeBack(sequence: number): void {
    this.#runtime.started.takeBack(this.#remembered, sequence);
  }
}

/** Proxies may carry several clients over one connection; beyond this their names are made anew. */
const MAX_NAMED_CLIENTS = 8;
