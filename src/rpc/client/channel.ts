/**
 * A client's hold on a target: connects when there is a call, lets calls wait in order while there is no connection or
 * no free stream, and connects again after a connection has ended. States: idle -> connecting -> ready -> idle, closed
 * from anywhere. At most one connection takes new calls; others are retired and end with the calls they have, but one
 * that was retired only because it was silent is taken back when it answers. The channel does not know what a call is
 * made of, only when its attempt gets a stream.
 */
import { EventEmitter } from 'eventemitter3';
import { Status } from 'nice-grpc-common';
import { type Timer } from '../../base/clock.js';
import { checkNumbers, type NumberRules, withDefaults } from '../../base/number-options.js';
import { type ConnectionClosed } from '../../transport/transport-error.js';
import {
  DEFAULT_MAX_METADATA_BYTES,
  METADATA_BYTES_RULE,
  type MetadataLimit,
} from '../framing/metadata-limit.js';
import { CLIENT_INSTANCE_BYTES } from '../framing/request-header.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../framing/unit.js';
import { type ResetCode } from '../framing/reset-code.js';
import { UnitWriter } from '../framing/unit-writer.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import {
  type ConnectAttempt,
  type ConnectHandler,
  type Connector,
  type StreamListener,
  type StreamTransport,
  type TransportStats,
} from '../stream-transport.js';
import { type Attempt, type AttemptFailure } from './attempt.js';
import { backoffDelayMs } from './backoff.js';
import { type CallDefaults } from './call.js';
import { CallCounters } from './call-counters.js';
import { checkInherit, IDLE_TIMEOUT_RULE } from './call-options.js';
import { ClientConnection, type ConnectionOwner, failureOf, type Retirement } from './client-connection.js';
import { DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TIMEOUT_MS } from './deadline.js';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
import { RttMemory } from './rtt-memory.js';
import { TimerQueue } from '../timer-queue.js';
import { WaitingList } from './waiting-list.js';

export interface ChannelOptions {
  /** The deadline of unary calls that name none. Default 30,000; Infinity for none. */
  readonly defaultTimeoutMs?: number | undefined;
  /** `idleTimeoutMs` of streaming calls that have neither that nor a deadline. Default 600,000; Infinity for none. */
  readonly defaultIdleTimeoutMs?: number | undefined;
  /** A larger request fails before it is sent. Default 4 MiB, which is also what servers take by default. */
  readonly maxSendMessageBytes?: number | undefined;
  /** A larger response is refused before it is buffered. Default 4 MiB. */
  readonly maxReceiveMessageBytes?: number | undefined;
  /**
   * A call with more metadata, keys and values together, fails before it is sent. Default 8,192, which is also what servers
   * take by default; at most 11,903.
   */
  readonly maxSendMetadataBytes?: number | undefined;
  /** A call that is answered with a header or a trailer of more metadata fails. Default 8,192, at most 11,903. */
  readonly maxReceiveMetadataBytes?: number | undefined;
  /** Calls that may wait for a connection or a free stream; more fail with RESOURCE_EXHAUSTED. Default 10,000. */
  readonly maxWaitingCalls?: number | undefined;
  /** Bounds the retries and hedges of all its calls together. Default: 1,000 tokens, 0.1 back; false: no bound. */
  readonly retryBudget?: RetryBudgetOptions | false | undefined;
  /**
   * Calls made inside a handler of this process end with that call: by its deadline at the latest, and CANCELLED when it
   * is cancelled. Default true. The first such channel has servers of this process follow handlers that start from then
   * on, which costs 1 to 2 µs a call on Node 20.
   */
  readonly inherit?: boolean | undefined;
}

/** What `ChannelOptions` have of numbers, each given. */
export interface ChannelLimits {
  readonly defaultTimeoutMs: number;
  readonly defaultIdleTimeoutMs: number;
  readonly maxSendMessageBytes: number;
  readonly maxReceiveMessageBytes: number;
  readonly maxSendMetadataBytes: number;
  readonly maxReceiveMetadataBytes: number;
  readonly maxWaitingCalls: number;
}

export type ChannelState = 'idle' | 'connecting' | 'ready' | 'closed';

export interface ChannelStateChange {
  readonly from: ChannelState;
  readonly to: ChannelState;
  /** One line for a person. */
  readonly reason: string;
}

export interface ChannelEvents {
  state: (change: ChannelStateChange) => void;
}

/** What a request ID is made of: the server tells clients apart by `instance`. */
export interface RequestIdSource {
  readonly instance: Uint8Array;
  nextSequence: number;
}

export interface PausingCall {
  onChannelClosed(reason: string): void;
}

export class Channel extends EventEmitter<ChannelEvents> implements ConnectionOwner {
  /** As the user wrote it. */
  readonly target: string;
  /** @internal Shared by all calls; see UnitWriter. */
  readonly writer = new UnitWriter();
  /** @internal */
  readonly timers: TimerQueue;
  /** @internal */
  readonly environment: RpcEnvironment;
  /** @internal */
  readonly limits: ChannelLimits;
  /** @internal */
  readonly sendMetadataLimit: MetadataLimit;
  /** @internal */
  readonly receiveMetadataLimit: MetadataLimit;
  /** @internal What limits the time of calls that say nothing of it. */
  readonly unaryDefaults: CallDefaults;
  /** @internal */
  readonly streamDefaults: CallDefaults;
  /** @internal Written by the calls, where it happens. */
  readonly tally = new CallCounters();
  /** @internal */
  readonly retryBudget: RetryBudget;
  /** @internal What `inherit` of a call is when it says nothing. */
  readonly inherit: boolean;
  /** @internal Calls that may run twice, and those that may not: two clients, in the eyes of a server [AMO-1]. */
  readonly idempotentIds: RequestIdSource;
  /** @internal */
  readonly undeclaredIds: RequestIdSource;

  readonly #connector: Connector;
  /** @internal Calls that pause between two attempts. */
  readonly pausing = new Set<PausingCall>();
  readonly #waiting = new WaitingList();
  #state: ChannelState = 'idle';
  #connecting: ConnectAttempt | undefined;
  /** Whose callbacks still count. */
  #handler: ConnectHandler | undefined;
  /** The one that takes new calls. */
  #connection: ClientConnection | undefined;
  /** Those that do not, any more. */
  readonly #retired = new Set<ClientConnection>();
  readonly #rtt = new RttMemory();
  #reconnectTimer: Timer | undefined;
  #failuresInRow = 0;
  #closed: Promise<void> | undefined;

  constructor(connector: Connector, environment: RpcEnvironment, options: ChannelOptions = {}) {
    super();
    this.target = connector.target;
    this.#connector = connector;
    this.environment = environment;
    this.timers = new TimerQueue(environment.clock);
    checkNumbers(options, CHANNEL_RULES);
    const { retryBudget, inherit, ...limits } = options;
    this.limits = withDefaults(CHANNEL_DEFAULTS, limits);
    const { maxSendMetadataBytes, maxReceiveMetadataBytes } = this.limits;
    this.sendMetadataLimit = {
      maxBytes: maxSendMetadataBytes,
      name: "this client's maxSendMetadataBytes",
    };
    this.receiveMetadataLimit = {
      maxBytes: maxReceiveMetadataBytes,
      name: "this client's maxReceiveMetadataBytes",
    };
    const { defaultTimeoutMs, defaultIdleTimeoutMs: idleTimeoutMs } = this.limits;
    this.unaryDefaults = { timeoutMs: defaultTimeoutMs, idleTimeoutMs };
    this.streamDefaults = { timeoutMs: Infinity, idleTimeoutMs };
    this.retryBudget = new RetryBudget(retryBudget);
    checkInherit(inherit, 'inherit');
    this.inherit = inherit ?? true;
    if (this.inherit) environment.callScope.acquire();
    this.idempotentIds = { instance: environment.random.bytes(CLIENT_INSTANCE_BYTES), nextSequence: 0 };
    this.undeclaredIds = { instance: environment.random.bytes(CLIENT_INSTANCE_BYTES), nextSequence: 0 };
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** `ip:port` of the server, while there is a connection. */
  get peer(): string | undefined {
    return this.#connection?.transport.peer;
  }

  /** Of all calls since it was made. Not a copy: it counts on. */
  get counters(): Readonly<CallCounters> {
    return this.tally;
  }

  /** Of the connection, while there is one. */
  stats(): TransportStats | undefined {
    return this.#connection?.transport.stats();
  }

  /** Goes on from another socket, as after a change of network that the channel cannot see. Calls and connection stay. */
  rebind(): void {
    this.#connection?.transport.rebind?.();
  }

  /** Ends every call with CANCELLED and the connection with it. Idempotent; the promise always resolves. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** `await using channel = createChannel(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The attempt gets a stream, now or later, or is told why not. */
  start(attempt: Attempt, now: number): void {
    if (this.#state === 'closed') {
      attempt.onNoStream({ code: Status.UNAVAILABLE, details: CLOSED_REASON });
      return;
    }
    const connection = this.#connection;
    if (connection !== undefined && this.#mayStart(attempt, connection) && connection.start(attempt, now))
      return;
    if (this.#waiting.size >= this.limits.maxWaitingCalls) {
      const details = `${this.#waiting.size} calls are waiting already: the channel's maxWaitingCalls`;
      attempt.onNoStream({ code: Status.RESOURCE_EXHAUSTED, details });
      return;
    }
    this.#waiting.add(attempt);
    if (connection === undefined && this.#handler === undefined) this.#connect('a call wants to be sent');
  }

  /** @internal Nobody wants its answer any more. */
  giveUp(attempt: Attempt, code: ResetCode): void {
    if (attempt.isWaiting) {
      this.#waiting.remove(attempt);
      if (this.#waiting.size === 0) this.#cancelReconnect();
    }
    attempt.cancel(code);
  }

  /** @internal [RPC-11] */
  onHandshakeComplete(connection: ClientConnection): void {
    if (connection === this.#connection) this.#startWaiting();
  }

  /** @internal */
  onConnectionReady(connection: ClientConnection): void {
    if (connection.isReady) return;
    connection.isReady = true;
    if (connection !== this.#connection) return;
    this.#failuresInRow = 0;
    this.#setState('ready', `connected to ${connection.transport.peer}`);
  }

  /** @internal */
  onStreamsAvailable(connection: ClientConnection): void {
    if (connection === this.#connection) this.#startWaiting();
  }

  /** @internal New calls go elsewhere; those it has may still be answered. */
  onConnectionSuspect(connection: ClientConnection, reason: string): void {
    if (connection === this.#connection) this.#retire(connection, 'suspect', reason);
  }

  /** @internal It is better than any that takes its place: it is there, and its window is open. */
  onConnectionRecovered(connection: ClientConnection): void {
    if (!this.#retired.has(connection) || !connection.unretire()) return;
    this.#retired.delete(connection);
    const successor = this.#connection;
    this.#connecting?.cancel();
    this.#endConnecting();
    this.#cancelReconnect();
    this.#connection = connection;
    if (successor !== undefined) {
      this.#retired.add(successor);
      successor.retire('replaced');
    }
    this.#setState('ready', `${connection.transport.peer} answers again`);
    this.#startWaiting();
  }

  /** @internal [RPC-12] */
  onConnectionLeaving(connection: ClientConnection): void {
    const reason = 'the server wants further calls on another connection';
    if (connection === this.#connection) this.#retire(connection, 'leaving', reason);
  }

  /** @internal */
  onConnectionClosed(connection: ClientConnection, closed: ConnectionClosed): void {
    this.#rtt.remember(connection.transport.stats(), this.environment.clock.now());
    this.#retired.delete(connection);
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const { code, details, retryAfterMs } = failureOf(closed);
    this.#onNoConnection({ code, details, retryAfterMs }, connection.isReady);
  }

  #retire(connection: ClientConnection, why: Retirement, reason: string): void {
    this.#rtt.remember(connection.transport.stats(), this.environment.clock.now());
    this.#connection = undefined;
    this.#retired.add(connection);
    connection.retire(why);
    this.#setState('idle', `${connection.transport.peer}: ${reason}`);
    if (this.#waiting.size > 0 && this.#needsConnection) this.#connect('calls are waiting');
  }

  /** A listener to the state may have closed the channel, or made a call that has connected it. */
  get #needsConnection(): boolean {
    return this.#state === 'idle' && this.#connection === undefined && this.#handler === undefined;
  }

  #mayStart(attempt: Attempt, { transport }: ClientConnection): boolean {
    const { canSend, isHandshakeComplete } = transport;
    if (!canSend || (attempt.needsHandshake && !isHandshakeComplete)) return false;
    return this.#waiting.firstEligible(transport) === undefined;
  }

  #startWaiting(): void {
    const now = this.environment.clock.now();
    for (;;) {
      const connection = this.#connection;
      const attempt = connection && this.#waiting.firstEligible(connection.transport);
      if (connection === undefined || attempt === undefined) return;
      if (!connection.start(attempt, now)) return;
      this.#waiting.remove(attempt);
    }
  }

  #connect(reason: string): void {
    this.#cancelReconnect();
    const handler: ConnectHandler = {
      onTransport: (transport) => this.#onTransport(handler, transport),
      onFailed: ({ reason: why, isUntrusted = false }) => {
        if (this.#handler !== handler) return;
        this.#endConnecting();
        const code = isUntrusted ? Status.UNAUTHENTICATED : Status.UNAVAILABLE;
        this.#onNoConnection({ code, details: why }, false);
      },
    };
    this.#handler = handler;
    this.#setState('connecting', reason);
    // Who listens to the state may have closed the channel.
    if (this.#handler !== handler) return;
    try {
      const initialRttMs = this.#rtt.initialRttMs(this.environment.clock.now());
      // A connection outlives the handler in which somebody happened to need it first.
      this.#connecting = this.environment.callScope.runDetached(() =>
        this.#connector.connect(handler, { initialRttMs }),
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.environment.clock.soon(() => {
        handler.onFailed({ reason: why });
      });
    }
  }

  #onTransport(handler: ConnectHandler, transport: StreamTransport): StreamListener {
    const connection = new ClientConnection(this, transport);
    if (this.#handler !== handler) {
      connection.close(CLOSED_REASON);
      return connection;
    }
    this.#endConnecting();
    this.#connection = connection;
    if (transport.isReady) this.onConnectionReady(connection);
    this.#startWaiting();
    return connection;
  }

  #endConnecting(): void {
    this.#handler = undefined;
    this.#connecting = undefined;
  }

  /** There is none, or none any more: those who wait are told, or wait on for the next. */
  #onNoConnection(failure: AttemptFailure, wasReady: boolean): void {
    if (!wasReady) this.#failuresInRow += 1;
    this.#setState('idle', failure.details);
    for (const attempt of this.#waiting.snapshot()) {
      if (attempt.owner.waitForReady || !attempt.isWaiting) continue;
      this.#waiting.remove(attempt);
      attempt.onNoStream(failure);
    }
    if (this.#waiting.size === 0 || this.#state !== 'idle') return;
    if (wasReady) this.#connect('calls are waiting');
    else this.#reconnectLater();
  }

  #reconnectLater(): void {
    const { clock, random } = this.environment;
    const delayMs = backoffDelayMs(RECONNECT_BACKOFF, this.#failuresInRow, random);
    this.#reconnectTimer = clock.setTimer(() => {
      this.#connect('calls are waiting');
    }, delayMs);
  }

  #cancelReconnect(): void {
    this.#reconnectTimer?.cancel();
    this.#reconnectTimer = undefined;
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    const connecting = this.#connecting;
    this.#connection = undefined;
    this.#endConnecting();
    this.#cancelReconnect();
    this.#setState('closed', CLOSED_REASON);
    if (this.inherit) this.environment.callScope.release();
    connecting?.cancel();
    for (const attempt of this.#waiting.snapshot()) {
      this.#waiting.remove(attempt);
      attempt.onNoStream({ code: Status.CANCELLED, details: CLOSED_REASON });
    }
    connection?.close(CLOSED_REASON);
    for (const retired of this.#retired) retired.close(CLOSED_REASON);
    this.#retired.clear();
    for (const call of [...this.pausing]) call.onChannelClosed(CLOSED_REASON);
    try {
      await this.#connector.close();
    } catch {
      // What could not be freed is gone with the process; there is nothing that the caller could do about it.
    }
  }

  #setState(to: ChannelState, reason: string): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    try {
      this.emit('state', { from, to, reason });
    } catch (error) {
      // A listener's mistake is its own: it surfaces as uncaught, and not in the middle of our work.
      this.environment.clock.soon(() => {
        throw error;
      });
    }
  }
}

const CLOSED_REASON = 'the channel was closed';

const CHANNEL_DEFAULTS: ChannelLimits = {
  defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
  defaultIdleTimeoutMs: DEFAULT_IDLE_TIMEOUT_MS,
  maxSendMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
  maxReceiveMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
  maxSendMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
  maxReceiveMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
  maxWaitingCalls: 10_000,
};

const CHANNEL_RULES: NumberRules<ChannelLimits> = {
  defaultTimeoutMs: { min: 0, unit: 'ms' },
  defaultIdleTimeoutMs: IDLE_TIMEOUT_RULE,
  maxSendMessageBytes: { min: 0, unit: 'bytes' },
  maxReceiveMessageBytes: { min: 0, unit: 'bytes' },
  maxSendMetadataBytes: METADATA_BYTES_RULE,
  maxReceiveMetadataBytes: METADATA_BYTES_RULE,
  maxWaitingCalls: { min: 0 },
};

/** Between attempts to connect while calls wait for it. */
const RECONNECT_BACKOFF = { initialDelayMs: 100, factor: 2, maxDelayMs: 2_000 };
