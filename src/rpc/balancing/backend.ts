/**
 * One of the servers of a balanced channel: the way to it, and how it fares: attempts in flight, what its answers take,
 * whether it is ejected. It knows nothing of the others; the balancer is told what may concern them.
 */
import { Status } from 'nice-grpc-common';
import { type Attempt, type AttemptFailure, type AttemptServer } from '../client/attempt.js';
import { Subchannel, type SubchannelOwner, type SubchannelState } from '../client/subchannel.js';
import { type WaitingQuota } from '../client/waiting-list.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { type Connector, type TransportStats } from '../stream-transport.js';
import { type TimerQueue } from '../timer-queue.js';
import { Latency } from './latency.js';
import { type ResolvedOutlierEjection, ServerRecord } from './outlier-ejection.js';
import { type PickableServer } from './policy.js';
import { type ServerAddress } from './resolver.js';

/** What the channel shares among its servers. */
export interface SharedMeans {
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  readonly environment: RpcEnvironment;
  readonly waitingQuota: WaitingQuota;
}

export interface BackendOwner extends SharedMeans {
  hasOthersThan(backend: Backend): boolean;
  /** Makes what connects to it. It reads `ips` anew for each connection. Throws when the address cannot be used. */
  connectorTo(server: Pick<ServerAddress, 'address' | 'ips'>): Connector;
  wantsConnection(backend: Backend): boolean;
  onBackendState(backend: Backend, to: SubchannelState, reason: string): void;
  onBackendRoom(backend: Backend): void;
  onStranded(backend: Backend, attempt: Attempt, failure: AttemptFailure): void;
  /** An attempt was given to it. */
  onAttemptTaken(): void;
  /** One that it had is over, or was given back. */
  onAttemptOver(): void;
  /** It does badly: to be ejected, if others are left. */
  onOutlier(backend: Backend, reason: string, now: number): void;
  /** Whether it may have attempts, or which, is another matter now. */
  onRecordChanged(backend: Backend): void;
  /** The median of what answers of the other servers take; undefined if nothing is known. */
  medianLatencyBeside(backend: Backend): number | undefined;
}

/** What is counted of one server. */
export interface BackendStats {
  /** As the resolver has it. */
  readonly address: string;
  readonly state: SubchannelState;
  readonly weight: number;
  readonly priority: number;
  /** Attempts given to it since it is known. */
  readonly attempts: number;
  /** Of them, those that ended UNAVAILABLE, or without an answer in their time. */
  readonly failures: number;
  readonly inFlight: number;
  readonly latencyMs: number | undefined;
  readonly isEjected: boolean;
  readonly ejections: number;
  /** Of its connection, while there is one. */
  readonly connection: TransportStats | undefined;
}

export class Backend implements PickableServer, AttemptServer, SubchannelOwner {
  readonly address: string;
  readonly subchannel: Subchannel;
  readonly record: ServerRecord;
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  readonly environment: RpcEnvironment;
  readonly waitingQuota: WaitingQuota;
  ips: readonly string[] | undefined;
  weight = 1;
  priority = 0;
  inFlight = 0;
  /** The resolver does not name it any more. */
  isGone = false;
  readonly #owner: BackendOwner;
  readonly #latency = new Latency();
  readonly #watchesLatency: boolean;
  #attempts = 0;
  #failures = 0;
  /** While it is ejected: the attempt that decides whether it comes back. */
  #probe: Attempt | undefined;

  /** Throws what `connectorTo` throws. */
  constructor(owner: BackendOwner, server: ServerAddress, ejection: ResolvedOutlierEjection) {
    this.#owner = owner;
    this.writer = owner.writer;
    this.timers = owner.timers;
    this.environment = owner.environment;
    this.waitingQuota = owner.waitingQuota;
    this.address = server.address;
    this.record = new ServerRecord(ejection);
    this.#watchesLatency = ejection.latencyFactor < Infinity && ejection.maxEjectedShare > 0;
    this.update(server);
    this.subchannel = new Subchannel(this, owner.connectorTo(this));
  }

  /** The resolver has named it again. */
  update({ ips, weight = 1, priority = 0 }: ServerAddress): void {
    this.ips = ips;
    this.weight = weight;
    this.priority = priority;
  }

  get isReady(): boolean {
    return this.subchannel.state === 'ready';
  }

  /** As far as is known an attempt would get there, now or soon. */
  get isReachable(): boolean {
    const { state, failure, isSilent } = this.subchannel;
    return state === 'ready' || (failure === undefined && !isSilent);
  }

  get latencyMs(): number | undefined {
    return this.#latency.meanMs;
  }

  get stats(): BackendStats {
    const { address, weight, priority, inFlight, latencyMs } = this;
    return {
      ...{ address, weight, priority, inFlight, latencyMs },
      state: this.subchannel.state,
      attempts: this.#attempts,
      failures: this.#failures,
      isEjected: this.record.isEjected,
      ejections: this.record.ejections,
      connection: this.subchannel.stats(),
    };
  }

  /** Only if it has a connection with a free stream: false if not. */
  tryStart(attempt: Attempt, now: number): boolean {
    this.#take(attempt);
    if (this.subchannel.tryStart(attempt, now)) return true;
    this.giveBack(attempt);
    return false;
  }

  /** Now, or when it has a connection and a stream. */
  start(attempt: Attempt, now: number): void {
    this.#take(attempt);
    this.subchannel.start(attempt, now);
  }

  /** It was not sent, and goes elsewhere. */
  giveBack(attempt: Attempt): void {
    attempt.server = undefined;
    this.#attempts -= 1;
    this.inFlight -= 1;
    if (this.#endProbe(attempt)) this.record.onNoProbe();
    this.#owner.onAttemptOver();
  }

  onAnswerBegun(attempt: Attempt): void {
    const now = this.environment.clock.now();
    const latencyMs = now - attempt.openedAt;
    this.#latency.onAnswer(latencyMs, now);
    if (!this.#watchesLatency) return;
    const medianMs = this.#owner.medianLatencyBeside(this);
    if (medianMs === undefined || !this.record.onLatency(latencyMs, medianMs)) return;
    const times = `${latencyMs.toFixed(1)} ms, where the others take ${medianMs.toFixed(1)} ms`;
    this.#owner.onOutlier(this, `its answers take ${times}`, now);
  }

  onAttemptOver(attempt: Attempt, code: Status | undefined): void {
    this.inFlight -= 1;
    const isProbe = this.#endProbe(attempt);
    if (code === undefined) {
      if (isProbe) this.record.onNoProbe();
    } else this.#judge(code, isProbe);
    this.#owner.onAttemptOver();
  }

  // What the way to it asks and tells.

  get hasOthers(): boolean {
    return this.#owner.hasOthersThan(this);
  }

  wantsConnection(): boolean {
    return !this.isGone && this.#owner.wantsConnection(this);
  }

  onSubchannelState(_: Subchannel, to: SubchannelState, reason: string): void {
    this.#owner.onBackendState(this, to, reason);
  }

  onRoom(): void {
    this.#owner.onBackendRoom(this);
  }

  onStranded(_: Subchannel, attempt: Attempt, failure: AttemptFailure): void {
    this.#owner.onStranded(this, attempt, failure);
  }

  #take(attempt: Attempt): void {
    attempt.server = this;
    this.#attempts += 1;
    this.inFlight += 1;
    this.#owner.onAttemptTaken();
    if (!this.record.onStarted()) return;
    this.#probe = attempt;
    this.#owner.onRecordChanged(this);
  }

  #judge(code: Status, isProbe: boolean): void {
    const now = this.environment.clock.now();
    if (code !== Status.UNAVAILABLE && code !== Status.DEADLINE_EXCEEDED) {
      this.record.onGood(isProbe, now);
      return;
    }
    this.#failures += 1;
    if (this.record.onBad(isProbe, now))
      this.#owner.onOutlier(this, 'it fails one call after the other', now);
  }

  #endProbe(attempt: Attempt): boolean {
    if (attempt !== this.#probe) return false;
    this.#probe = undefined;
    this.#owner.onRecordChanged(this);
    return true;
  }
}
