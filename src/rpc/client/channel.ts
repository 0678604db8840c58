/**
 * A client's hold on a target, as its calls see it: options with their defaults, request IDs, the retry budget, counters,
 * the states that it tells, and one end of it all. How attempts get to a server is its upstream's business. States: idle
 * -> connecting -> ready -> idle, closed from anywhere.
 */
import { EventEmitter } from 'eventemitter3';
import { Status } from 'nice-grpc-common';
import { checkNumbers, type NumberRules, withDefaults } from '../../base/number-options.js';
import { type BackendStats } from '../balancing/backend.js';
import { Balancer, type BalancerOwner, type ServerSource, type ServerState } from '../balancing/balancer.js';
import { type BalancingOptions, resolveBalancing } from '../balancing/policies.js';
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
import { type Connector, type TransportStats } from '../stream-transport.js';
import { type Attempt, type AttemptFailure } from './attempt.js';
import { type CallDefaults } from './call.js';
import { CallCounters } from './call-counters.js';
import { reportChannelState, reportResolverError, reportServerState } from './call-report.js';
import { checkInherit, IDLE_TIMEOUT_RULE } from './call-options.js';
import { DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TIMEOUT_MS } from './deadline.js';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
import { Subchannel, type SubchannelOwner } from './subchannel.js';
import { TimerQueue } from '../timer-queue.js';
import { type Upstream } from './upstream.js';
import { WaitingQuota } from './waiting-list.js';

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
  /** Of channels to several servers: which of them gets which call. */
  readonly balancing?: BalancingOptions | undefined;
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

/** Of the connection, or of the best one where there are several servers. */
export type ChannelState = 'idle' | 'connecting' | 'ready' | 'closed';

/** What `channel.on('state', …)` is told. */
export interface ChannelStateChange {
  readonly from: ChannelState;
  readonly to: ChannelState;
  /** One line for a person. */
  readonly reason: string;
}

/** Of one of the servers of a balanced channel. */
export interface ServerStateChange {
  /** As the resolver has it. */
  readonly address: string;
  /** `ejected`: it answers, but so badly that it gets no calls for a while. */
  readonly to: ServerState;
  /** One line for a person. */
  readonly reason: string;
}

/** Events of a channel, for `channel.on(…)`. */
export interface ChannelEvents {
  /** With several servers: ready when one is, else connecting when one is. */
  state: (change: ChannelStateChange) => void;
  /** One of several servers is in another state. */
  server: (change: ServerStateChange) => void;
  /** The resolver could not answer, or some of its answer cannot be used: one line for a person. What is known holds. */
  resolverError: (reason: string) => void;
}

/** What a request ID is made of: the server tells clients apart by `instance`. */
export interface RequestIdSource {
  readonly instance: Uint8Array;
  nextSequence: number;
}

export interface PausingCall {
  onChannelClosed(reason: string): void;
}

/** A client's hold on its server or servers, shared by any number of clients. `createChannel` makes one; `close` ends it. */
export class Channel extends EventEmitter<ChannelEvents> implements SubchannelOwner, BalancerOwner {
  /** As the user wrote it. */
  readonly target: string;
  /** @internal */
  identity: object | undefined;
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

  /** @internal Calls that pause between two attempts. */
  readonly pausing = new Set<PausingCall>();
  /** @internal */
  readonly waitingQuota: WaitingQuota;
  readonly #upstream: Upstream;
  #state: ChannelState = 'idle';
  #closed: Promise<void> | undefined;

  /** Throws RangeError for an option that cannot be. */
  constructor(servers: Connector | ServerSource, environment: RpcEnvironment, options: ChannelOptions = {}) {
    super();
    this.target = servers.target;
    this.environment = environment;
    this.timers = new TimerQueue(environment.clock);
    checkNumbers(options, CHANNEL_RULES);
    const { retryBudget, inherit, balancing, ...limits } = options;
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
    this.waitingQuota = new WaitingQuota(this.limits.maxWaitingCalls);
    this.#upstream =
      'resolver' in servers
        ? new Balancer(this, servers, resolveBalancing(balancing, environment.random))
        : new Subchannel(this, servers);
    this.idempotentIds = { instance: environment.random.bytes(CLIENT_INSTANCE_BYTES), nextSequence: 0 };
    this.undeclaredIds = { instance: environment.random.bytes(CLIENT_INSTANCE_BYTES), nextSequence: 0 };
  }

  /** `idle` until the first call, and again when the connection has ended. */
  get state(): ChannelState {
    return this.#state;
  }

  /** `ip:port` of the server, while there is a connection. Undefined where there are several. */
  get peer(): string | undefined {
    return this.#upstream.peer;
  }

  /** Of all calls since it was made. Not a copy: it counts on. */
  get counters(): Readonly<CallCounters> {
    return this.tally;
  }

  /** Of the connection, while there is one. Several servers have one each: `servers`. */
  stats(): TransportStats | undefined {
    return this.#upstream.stats();
  }

  /** Of each server of a balanced channel, in order of priority; empty for a channel to one. */
  servers(): readonly BackendStats[] {
    return this.#upstream.servers();
  }

  /** Goes on from another socket, as after a change of network that the channel cannot see. Calls and connection stay. */
  rebind(): void {
    this.#upstream.rebind();
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
    this.#upstream.start(attempt, now);
  }

  /** @internal Nobody wants its answer any more. */
  giveUp(attempt: Attempt, code: ResetCode): void {
    attempt.waitingIn?.abandon(attempt);
    attempt.cancel(code);
  }

  /** @internal */
  onUpstreamState(to: ChannelState, reason: string): void {
    this.#setState(to, reason);
  }

  /** @internal */
  onServerState(address: string, to: ServerState, reason: string): void {
    reportServerState(this, { address, to, reason });
    this.#tell(() => this.emit('server', { address, to, reason }));
  }

  /** @internal */
  onResolverError(reason: string): void {
    reportResolverError(this, reason);
    this.#tell(() => this.emit('resolverError', reason));
  }

  // What the way to its one server asks and tells.

  /** @internal */
  get hasOthers(): boolean {
    return false;
  }

  /** @internal */
  wantsConnection(): boolean {
    return false;
  }

  /** @internal */
  onSubchannelState(_: Subchannel, to: ChannelState, reason: string): void {
    this.#setState(to, reason);
  }

  /** @internal */
  onRoom(): void {
    // Whoever waits, waits there.
  }

  /** @internal */
  onStranded(_: Subchannel, attempt: Attempt, failure: AttemptFailure): void {
    attempt.onNoStream(failure);
  }

  async #close(): Promise<void> {
    this.#setState('closed', CLOSED_REASON);
    if (this.inherit) this.environment.callScope.release();
    const closed = this.#upstream.close(CLOSED_REASON);
    for (const call of [...this.pausing]) call.onChannelClosed(CLOSED_REASON);
    await closed;
  }

  #setState(to: ChannelState, reason: string): void {
    const from = this.#state;
    if (from === to || from === 'closed') return;
    this.#state = to;
    reportChannelState(this, { from, to, reason });
    this.#tell(() => this.emit('state', { from, to, reason }));
  }

  #tell(emit: () => void): void {
    try {
      emit();
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
