/**
 * What all calls of a server share: its methods, limits, deadlines, the buffer answers are written into, what was
 * started, how much runs now, and who is told of it. Data and counters; it decides nothing.
 */
import { type Status } from 'nice-grpc-common';
import { TimerQueue } from '../timer-queue.js';
import { type MetadataLimit } from '../framing/metadata-limit.js';
import { UnitWriter } from '../framing/unit-writer.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { RateLimiter } from './rate-limiter.js';
import { ReplyCache } from './reply-cache.js';
import { type ServerLimits } from './server-options.js';
import { ServerTally } from './server-stats.js';
import { type ServiceRegistry } from './service-registry.js';
import { StartedRequests } from './started-requests.js';

/** A call has ended, at its server. */
export interface CallEnd {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly peer: string;
  readonly requestId: string;
  /** What the client was told; CANCELLED also when nobody was there any more to be told. */
  readonly code: Status;
  readonly details: string;
  /** From the request's header to the end of the answer. */
  readonly durationMs: number;
  /** The handler was started. */
  readonly wasStarted: boolean;
}

/** What a handler threw by mistake. */
export interface HandlerError {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly peer: string;
  readonly requestId: string;
  readonly error: unknown;
}

export interface CallObserver {
  /** Whether `onCallEnd` is worth the making of its argument. */
  readonly wantsCallEnd: boolean;
  onCallEnd(end: CallEnd): void;
  onHandlerError(error: HandlerError): void;
  /** The last open call is done. */
  onNoCalls(): void;
}

export class ServerRuntime {
  readonly environment: RpcEnvironment;
  readonly limits: ServerLimits;
  readonly receiveMetadataLimit: MetadataLimit;
  readonly sendMetadataLimit: MetadataLimit;
  readonly registry: ServiceRegistry;
  readonly observer: CallObserver;
  /** Each answer is written with it and handed over before anything else runs. */
  readonly writer = new UnitWriter();
  readonly timers: TimerQueue;
  readonly started: StartedRequests;
  /** Answers that must not be made twice. */
  readonly replies: ReplyCache;
  readonly rateLimiter: RateLimiter;
  readonly tally = new ServerTally();
  /** Nothing new is started. */
  isDraining = false;
  runningHandlers = 0;
  /** Calls whose stream or handler is not over yet. */
  #openCalls = 0;

  constructor(
    environment: RpcEnvironment,
    limits: ServerLimits,
    registry: ServiceRegistry,
    observer: CallObserver,
  ) {
    this.environment = environment;
    this.limits = limits;
    this.receiveMetadataLimit = {
      maxBytes: limits.maxReceiveMetadataBytes,
      name: "the server's maxReceiveMetadataBytes",
    };
    this.sendMetadataLimit = {
      maxBytes: limits.maxSendMetadataBytes,
      name: "the server's maxSendMetadataBytes",
    };
    this.registry = registry;
    this.observer = observer;
    this.timers = new TimerQueue(environment.clock);
    this.started = new StartedRequests(limits.maxRememberedClients);
    this.replies = new ReplyCache(limits);
    this.rateLimiter = new RateLimiter(limits.maxCallsPerSecondPerPeer, limits.maxRatedPeers);
  }

  get openCalls(): number {
    return this.#openCalls;
  }

  onCallOpened(): void {
    this.#openCalls++;
  }

  onCallDone(): void {
    this.#openCalls--;
    if (this.#openCalls === 0) this.observer.onNoCalls();
  }
}
