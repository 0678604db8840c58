/**
 * The published service grpc.health.v1.Health: whether the server, and each of its services, can do its work. Who has one
 * says so by `setStatus`; load balancers, probes and `udprpc health` ask by Check or follow by Watch. Statuses are names,
 * and the empty name is the server as a whole. A watch holds one status, the newest: whoever reads slowly misses what was
 * between.
 */
import {
  type CallContext,
  type DeepPartial,
  ServerError,
  type ServiceDefinition,
  type ServiceImplementation,
  Status,
} from '../index.js';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthDefinition as PublishedDefinition,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
} from '../../generated/grpc/health/v1/health.js';

/** As published, and declared to be without side effects, which its text says they are: clients may ask again at once. */
export const HealthDefinition = {
  ...PublishedDefinition,
  methods: {
    ...PublishedDefinition.methods,
    check: { ...PublishedDefinition.methods.check, options: { idempotencyLevel: 'NO_SIDE_EFFECTS' } },
    list: { ...PublishedDefinition.methods.list, options: { idempotencyLevel: 'NO_SIDE_EFFECTS' } },
  },
} as const satisfies ServiceDefinition;

/** What a service can be said to be. `UNKNOWN`: it is there, and nobody can tell. */
export type HealthStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING';

/** A service by its full name, `image.v1.ImageService`, or by its definition; '' is the whole server. */
export type HealthSubject = string | Pick<ServiceDefinition, 'fullName'>;

/** Of a server: that it has begun to shut down. */
export interface DrainingSource {
  /** As `Server` has it: calls the listener when `shutdown` begins. */
  once(event: 'draining', listener: () => void): unknown;
}

type Listener = () => void;

/** The health service of one server: `server.add(HealthDefinition, new HealthService(server))`. */
export class HealthService implements ServiceImplementation<typeof HealthDefinition> {
  readonly #statuses = new Map<string, HealthStatus>([['', 'SERVING']]);
  readonly #watches = new Map<string, Set<Listener>>();
  #isDraining = false;

  /**
   * `server`: the one that it is added to. When its shutdown begins everything is NOT_SERVING, for good, and watches are
   * told so and end, UNAVAILABLE: else they would hold the shutdown up to the end of its grace.
   */
  constructor(server: DrainingSource) {
    server.once('draining', () => {
      this.#drain();
    });
  }

  /** From now on, and told to whoever watches. Before the first time the server as a whole is SERVING and a service not known. */
  setStatus(subject: HealthSubject, status: HealthStatus): void {
    if (!STATUSES.includes(status)) {
      throw new RangeError(`status is ${JSON.stringify(status)}: it takes ${STATUSES.join(', ')}`);
    }
    const name = nameOf(subject);
    if (this.#isDraining || this.#statuses.get(name) === status) return;
    this.#statuses.set(name, status);
    this.#tell(name);
  }

  /** As if it had never been set: NOT_FOUND for Check, SERVICE_UNKNOWN for Watch. */
  clearStatus(subject: HealthSubject): void {
    const name = nameOf(subject);
    if (!this.#isDraining && this.#statuses.delete(name)) this.#tell(name);
  }

  /** The handler of Check: the status of a service, now. NOT_FOUND for one of which nothing is known. */
  check({ service }: HealthCheckRequest): DeepPartial<HealthCheckResponse> {
    const status = this.#statuses.get(service);
    if (status === undefined) {
      const name = service.slice(0, MAX_NAME_SHOWN);
      throw new ServerError(Status.NOT_FOUND, `nothing is known of the health of service '${name}'`);
    }
    return { status: ServingStatus[status] };
  }

  /** The handler of List: all that is known. RESOURCE_EXHAUSTED where that is too much for one answer. */
  list(): DeepPartial<HealthListResponse> {
    if (this.#statuses.size > MAX_LISTED) {
      const details = `health of ${this.#statuses.size} services is known, and at most ${MAX_LISTED} are listed: check them by name`;
      throw new ServerError(Status.RESOURCE_EXHAUSTED, details);
    }
    const statuses = [...this.#statuses].map(([name, status]) => [name, { status: ServingStatus[status] }]);
    return { statuses: Object.fromEntries(statuses) as HealthListResponse['statuses'] };
  }

  async *watch(
    { service }: HealthCheckRequest,
    { signal }: Pick<CallContext, 'signal'>,
  ): AsyncGenerator<DeepPartial<HealthCheckResponse>, void> {
    let wake: Listener = () => undefined;
    const listener = (): void => {
      wake();
    };
    const watches = this.#watches.get(service) ?? new Set();
    this.#watches.set(service, watches.add(listener));
    signal.addEventListener('abort', listener);
    try {
      let told: HealthStatus | 'SERVICE_UNKNOWN' | undefined;
      while (!signal.aborted) {
        const status = this.#statuses.get(service) ?? 'SERVICE_UNKNOWN';
        if (status !== told) {
          told = status;
          yield { status: ServingStatus[status] };
        } else if (this.#isDraining) {
          throw new ServerError(Status.UNAVAILABLE, 'the server is shutting down');
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', listener);
      watches.delete(listener);
      if (watches.size === 0) this.#watches.delete(service);
    }
  }

  #drain(): void {
    this.#isDraining = true;
    for (const name of this.#statuses.keys()) this.#statuses.set(name, 'NOT_SERVING');
    for (const name of this.#watches.keys()) this.#tell(name);
  }

  #tell(name: string): void {
    for (const listener of this.#watches.get(name) ?? []) listener();
  }
}

function nameOf(subject: HealthSubject): string {
  return typeof subject === 'string' ? subject : subject.fullName;
}

const STATUSES: readonly HealthStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING'];

/** As published. */
const MAX_LISTED = 100;

const MAX_NAME_SHOWN = 120;
