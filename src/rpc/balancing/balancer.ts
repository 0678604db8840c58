/**
 * The way to several servers: hears the resolver, keeps a connection to each server that is wanted, and gives each
 * attempt to the one that the policy picks. Attempts wait here while none can take them, and those that could not be sent
 * to their server are given to another, which costs the call no attempt. What no policy decides: priorities, ejection,
 * which servers a call has met already, and that a call which may have run goes where it did [AMO-3].
 */
import { Status } from 'nice-grpc-common';
import { type Attempt, type AttemptFailure } from '../client/attempt.js';
import { textOf } from '../client/call-message.js';
import { type SubchannelState } from '../client/subchannel.js';
import { type Upstream } from '../client/upstream.js';
import { WaitingList, type WaitingQuota } from '../client/waiting-list.js';
import { type UnitWriter } from '../framing/unit-writer.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { type Connector } from '../stream-transport.js';
import { type TimerQueue } from '../timer-queue.js';
import { Backend, type BackendOwner, type BackendStats, type SharedMeans } from './backend.js';
import { naming, noServerFailure, SERVER_GONE } from './no-server.js';
import { NO_OFFER, type Offer, offerOf, without } from './offer.js';
import { type ResolvedBalancing } from './policies.js';
import { type Policy } from './policy.js';
import { Resolution } from './resolution.js';
import { type Resolver, type ResolverListener, type ServerAddress } from './resolver.js';
import { ServerSet } from './server-set.js';
import { TriesInOrder } from './tries-in-order.js';

/** Where the servers of a channel are, and how to get to one. */
export interface ServerSource {
  /** As the user wrote it, for messages. */
  readonly target: string;
  readonly resolver: Resolver;
  /** Throws when the address cannot be used, with a message for a person. Reads `ips` anew for each connection. */
  connectorTo(server: Pick<ServerAddress, 'address' | 'ips'>): Connector;
}

export interface BalancerOwner extends SharedMeans {
  onUpstreamState(to: SubchannelState, reason: string): void;
  onServerState(address: string, to: ServerState, reason: string): void;
  /** The resolver has no newer answer, or some of it cannot be used. */
  onResolverError(reason: string): void;
}

/** Of one of several servers; `ejected`: it answers, but so badly that it gets no calls for a while. */
export type ServerState = SubchannelState | 'ejected';

export class Balancer implements Upstream, BackendOwner, ResolverListener {
  /** There is no one connection. */
  readonly peer = undefined;
  readonly writer: UnitWriter;
  readonly timers: TimerQueue;
  readonly environment: RpcEnvironment;
  readonly waitingQuota: WaitingQuota;
  readonly #owner: BalancerOwner;
  readonly #source: ServerSource;
  readonly #policy: Policy;
  readonly #maxEjectedShare: number;
  readonly #set: ServerSet;
  readonly #waiting: WaitingList;
  readonly #resolution: Resolution;
  /** Undefined: every server is connected to. */
  readonly #tries: TriesInOrder | undefined;
  /** Why there is no newer answer of the resolver. */
  #resolverError: string | undefined;
  #offer: Offer<Backend> = NO_OFFER;
  #isOfferStale = false;
  /** Some server that is wanted has no connection and is getting none. */
  #hasIdle = false;
  #openCount = 0;
  #lastStartAt = -Infinity;
  #state: SubchannelState = 'idle';

  constructor(owner: BalancerOwner, source: ServerSource, { policy, outlierEjection }: ResolvedBalancing) {
    this.writer = owner.writer;
    this.timers = owner.timers;
    this.environment = owner.environment;
    this.waitingQuota = owner.waitingQuota;
    this.#owner = owner;
    this.#source = source;
    this.#policy = policy;
    this.#maxEjectedShare = outlierEjection.maxEjectedShare;
    this.#set = new ServerSet(this, outlierEjection);
    this.#waiting = new WaitingList(owner.waitingQuota, () => undefined);
    this.#resolution = new Resolution(source.resolver, owner.environment, this);
    if (policy.connects === 'first') {
      this.#tries = new TriesInOrder(owner.environment.clock, () => {
        this.#onChange('the first has not answered yet');
      });
    }
  }

  /** Of each server; in order of priority. */
  servers(): readonly BackendStats[] {
    return this.#set.servers.map(({ stats }) => stats);
  }

  stats(): undefined {
    return undefined;
  }

  rebind(): void {
    this.#set.rebind();
  }

  start(attempt: Attempt, now: number): void {
    this.#lastStartAt = now;
    if (this.#resolverError !== undefined && !this.#hasServers) this.#resolution.refresh();
    this.#resolution.begin();
    if (attempt.pinnedTo instanceof Backend) {
      this.#startPinned(attempt, attempt.pinnedTo, now);
      return;
    }
    if (this.#isOfferStale || now >= this.#offer.validUntil) this.#renewOffer(now);
    if (this.#hasIdle) this.#connectIdle(true);
    if (this.#waiting.size > 0 || !this.#place(attempt, now)) this.#hold(attempt);
  }

  async close(reason: string): Promise<void> {
    this.#state = 'closed';
    this.#resolution.end();
    this.#tries?.end();
    for (const attempt of this.#waiting.snapshot()) {
      this.#waiting.remove(attempt);
      attempt.onNoStream({ code: Status.CANCELLED, details: reason });
    }
    await this.#set.close(reason);
  }

  // What the resolver tells.

  onServers(answer: readonly ServerAddress[]): void {
    const complaint = this.#set.update(answer);
    this.#resolverError = undefined;
    if (complaint !== undefined) this.onError(complaint);
    else this.#onChange('the servers are known');
  }

  /** The last answer holds. */
  onError(reason: string): void {
    this.#resolverError = reason;
    this.#owner.onResolverError(reason);
    if (!this.#hasServers) this.#failWaiting(this.#resolverFailure(reason));
    this.#onChange(reason);
  }

  // What the servers ask and tell.

  hasOthersThan(backend: Backend): boolean {
    return this.#set.servers.some((server) => server !== backend);
  }

  connectorTo(server: Pick<ServerAddress, 'address' | 'ips'>): Connector {
    return this.#source.connectorTo(server);
  }

  wantsConnection(backend: Backend): boolean {
    return this.#isActive && this.#isWanted(backend);
  }

  onBackendState(backend: Backend, to: SubchannelState, reason: string): void {
    if (to === 'closed') this.#set.onClosed(backend);
    if (this.#state === 'closed') return;
    this.#isOfferStale = true;
    this.#owner.onServerState(backend.address, to, reason);
    if (to === 'idle' && this.#isActive) this.#resolution.refresh();
    // The subchannel goes on with what it was about: what follows of it is done when it is through.
    this.environment.clock.soon(() => {
      this.#onChange(reason);
    });
  }

  onBackendRoom(): void {
    this.#serveWaiting();
  }

  onStranded(backend: Backend, attempt: Attempt, failure: AttemptFailure): void {
    if (attempt.pinnedTo !== undefined || !this.hasOthersThan(backend)) {
      attempt.onNoStream(failure);
      return;
    }
    backend.giveBack(attempt);
    const now = this.environment.clock.now();
    this.#renewOffer(now);
    if (!this.#place(attempt, now)) this.#hold(attempt);
  }

  onAttemptTaken(): void {
    this.#openCount += 1;
  }

  onAttemptOver(): void {
    this.#openCount -= 1;
  }

  onOutlier(backend: Backend, reason: string, now: number): void {
    const { servers } = this.#set;
    const ejectedCount = servers.filter(({ record }) => record.isEjected).length;
    if (ejectedCount + 1 > servers.length * this.#maxEjectedShare) return;
    backend.record.eject(now);
    this.#isOfferStale = true;
    this.#owner.onServerState(backend.address, 'ejected', reason);
  }

  onRecordChanged(): void {
    this.#isOfferStale = true;
  }

  medianLatencyBeside(backend: Backend): number | undefined {
    const others = this.#set.servers
      .filter((other) => other !== backend && !other.record.isEjected)
      .map(({ latencyMs }) => latencyMs)
      .filter((latencyMs) => latencyMs !== undefined)
      .sort((a, b) => a - b);
    return others[others.length >> 1];
  }

  get #hasServers(): boolean {
    return this.#set.servers.length > 0;
  }

  get #hasReady(): boolean {
    return this.#set.servers.some(({ isReady }) => isReady);
  }

  /** There are calls, or were until just now. */
  get #isActive(): boolean {
    if (this.#openCount > 0 || this.#waiting.size > 0) return true;
    return this.environment.clock.now() - this.#lastStartAt < ACTIVE_MS;
  }

  #isWanted(backend: Backend): boolean {
    if (this.#tries === undefined) return backend.priority <= this.#offer.priority;
    return this.#set.servers.indexOf(backend) < this.#tries.count && !this.#hasReady;
  }

  #startPinned(attempt: Attempt, backend: Backend, now: number): void {
    if (backend.isGone) {
      attempt.onNoStream(SERVER_GONE);
      return;
    }
    backend.start(attempt, now);
  }

  /** False when no server can take it now. */
  #place(attempt: Attempt, now: number): boolean {
    const servers = this.#serversFor(attempt, now);
    if (servers.length === 0) return false;
    let picked: Backend;
    try {
      picked = this.#pickFrom(servers, attempt);
    } catch (error) {
      const details = `the balancing policy failed: ${textOf(error)}`;
      attempt.onNoStream({ code: Status.INTERNAL, details, cause: error });
      return true;
    }
    if (this.#policy.offers === 'usable') {
      picked.start(attempt, now);
      return true;
    }
    if (picked.tryStart(attempt, now)) return true;
    for (const other of servers) {
      if (other !== picked && other.tryStart(attempt, now)) return true;
    }
    return false;
  }

  #pickFrom(servers: readonly Backend[], attempt: Attempt): Backend {
    const picked = this.#policy.pick(servers, attempt.owner);
    if (picked instanceof Backend && servers.includes(picked)) return picked;
    throw new Error('it picked something that is none of the servers it was offered');
  }

  #serversFor(attempt: Attempt, now: number): readonly Backend[] {
    let { servers } = this.#offer;
    const { avoided } = attempt;
    if (avoided !== undefined) servers = without(servers, (server) => avoided.includes(server));
    if (this.#offer.hasProbation && !attempt.owner.mayMove) {
      servers = without(servers, ({ record }) => !record.mayTake(false, now));
    }
    return servers;
  }

  /** It waits, unless there is nothing to wait for. */
  #hold(attempt: Attempt): void {
    const failure = this.#hopelessness();
    if (failure !== undefined && !attempt.owner.waitForReady) attempt.onNoStream(failure);
    else if (this.#waiting.add(attempt)) this.#tellState('a call wants to be sent');
  }

  #serveWaiting(): void {
    const now = this.environment.clock.now();
    if (this.#isOfferStale) this.#renewOffer(now);
    for (;;) {
      const attempt = this.#waiting.first;
      if (attempt === undefined) return;
      this.#waiting.remove(attempt);
      if (this.#place(attempt, now)) continue;
      this.#waiting.putBack(attempt);
      return;
    }
  }

  #failWaiting(failure: AttemptFailure): void {
    for (const attempt of this.#waiting.snapshot()) {
      if (attempt.owner.waitForReady || !attempt.isWaiting) continue;
      this.#waiting.remove(attempt);
      attempt.onNoStream(failure);
    }
  }

  /** Why no server will take an attempt soon; undefined: one may. */
  #hopelessness(): AttemptFailure | undefined {
    const { servers } = this.#set;
    if (servers.length === 0) {
      // Who can be asked again is asked, and tells.
      const reason = this.#resolverError;
      if (reason === undefined || this.#resolution.canRefresh) return undefined;
      return this.#resolverFailure(reason);
    }
    const failures: AttemptFailure[] = [];
    for (const { address, subchannel, isReachable } of servers) {
      if (isReachable || subchannel.state === 'connecting' || subchannel.failure === undefined)
        return undefined;
      failures.push(naming(address, subchannel.failure));
    }
    return noServerFailure(this.#source.target, failures);
  }

  #resolverFailure(reason: string): AttemptFailure {
    return { code: Status.UNAVAILABLE, details: `${this.#source.target}: ${reason}` };
  }

  #renewOffer(now: number): void {
    this.#isOfferStale = false;
    this.#offer = offerOf(this.#set.servers, this.#policy.offers, now);
    this.#hasIdle = this.#idleServers(true).length > 0;
  }

  /**
   * Those to connect to now. Which could not be reached are left to their timers, unless there is a call and no other
   * server for it.
   */
  #idleServers(isForCall: boolean): readonly Backend[] {
    const { servers } = this.#set;
    const takesAny = isForCall && !servers.some(({ isReachable }) => isReachable);
    return servers.filter((server) => {
      const { state, failure } = server.subchannel;
      return state === 'idle' && (takesAny || failure === undefined) && this.#isWanted(server);
    });
  }

  #connectIdle(isForCall: boolean): void {
    for (const { subchannel } of this.#idleServers(isForCall)) subchannel.connect('there are calls');
    this.#hasIdle = false;
    this.#tries?.onConnecting(this.#set.servers.length);
  }

  /** Something about the servers is another: all that may follow of it. */
  #onChange(reason: string): void {
    if (this.#state === 'closed') return;
    this.#tries?.onChange(this.#set.servers);
    this.#renewOffer(this.environment.clock.now());
    if (this.#hasIdle && this.#isActive) this.#connectIdle(false);
    if (this.#offer.servers.length > 0) this.#serveWaiting();
    const failure = this.#hasServers ? this.#hopelessness() : undefined;
    if (failure !== undefined) this.#failWaiting(failure);
    this.#tellState(reason);
    if (!this.#isActive && !this.#hasReady) this.#resolution.end();
  }

  /** Ready if any of them is, else connecting if any is, or where they are is still being asked. */
  #tellState(reason: string): void {
    if (this.#state === 'closed') return;
    const { servers } = this.#set;
    let state: SubchannelState = 'idle';
    if (this.#hasReady) state = 'ready';
    else if (this.#waiting.size > 0 || servers.some(({ subchannel }) => subchannel.state === 'connecting'))
      state = 'connecting';
    if (state === this.#state) return;
    this.#state = state;
    this.#owner.onUpstreamState(state, reason);
  }
}

/** For so long after the last call servers that are lost are connected to again: less than a connection is kept unused. */
const ACTIVE_MS = 10_000;
