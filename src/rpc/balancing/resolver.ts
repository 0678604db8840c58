/**
 * Where the servers of a channel are: what a resolver is, for those who bring their own (Consul, etcd, a file), and the
 * simplest one. `watch` with a listener and not an iterable: an answer that could not be had is an event among others
 * and not the end of a stream, and a channel that has nothing to do stops watching and begins again.
 */
export interface ServerAddress {
  /** `host:port`, IPv6 in brackets. It is the server: given again, whatever else has changed, its connection stays. */
  readonly address: string;
  /** IP addresses of this one server, to be tried against each other. Default: what the host of `address` means. */
  readonly ips?: readonly string[] | undefined;
  /** Its share beside the weights of the others; more than 0. Default 1. */
  readonly weight?: number | undefined;
  /** Servers of a higher number get calls only while none of a lower one can be used. Default 0. */
  readonly priority?: number | undefined;
}

/** Says where the servers of a channel are, now and later. */
export interface Resolver {
  /**
   * Begins to tell the listener of the servers: once at least, soon, and whenever they change. Not before it returns.
   * A channel watches while it has calls or connections, at most once at a time, and again after it has stopped.
   */
  watch(listener: ResolverListener): ResolverWatch;
}

/** What a resolver tells. */
export interface ResolverListener {
  /** All of them, in the order in which `pick_first` tries them. None counts as an answer that could not be had. */
  onServers(servers: readonly ServerAddress[]): void;
  /** The answer could not be had, for this reason, in one line; the last one holds. */
  onError(reason: string): void;
}

/** What a resolver is told. */
export interface ResolverWatch {
  /** The listener is told nothing further. Idempotent. */
  stop(): void;
  /**
   * No server of the last answer could be reached, or one was lost: a good time to look again. May be asked often. Calls
   * that have no server at all wait for what the listener is told then; without it they fail at once.
   */
  refresh?(): void;
}

/** Always the same servers. */
export class StaticResolver implements Resolver {
  readonly #servers: readonly ServerAddress[];
  readonly #soon: (callback: () => void) => void;

  /** `soon`: of the clock. */
  constructor(servers: readonly ServerAddress[], soon: (callback: () => void) => void) {
    this.#servers = servers;
    this.#soon = soon;
  }

  watch(listener: ResolverListener): ResolverWatch {
    let isStopped = false;
    this.#soon(() => {
      if (!isStopped) listener.onServers(this.#servers);
    });
    return {
      stop() {
        isStopped = true;
      },
    };
  }
}
