/**
 * The watch of a channel's resolver: begun when there are calls, ended when there is nothing to do, and begun again. The
 * resolver is a user's: what it says when it is not watched any more is not heard, and what it throws is an answer that
 * could not be had, after which it is tried again.
 */
import { textOf } from '../client/call-message.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { type Resolver, type ResolverListener, type ResolverWatch } from './resolver.js';

export class Resolution {
  readonly #resolver: Resolver;
  readonly #environment: Pick<RpcEnvironment, 'clock' | 'callScope'>;
  readonly #owner: ResolverListener;
  #watch: ResolverWatch | undefined;
  /** The one that is heard; undefined: none. */
  #listener: ResolverListener | undefined;

  constructor(
    resolver: Resolver,
    environment: Pick<RpcEnvironment, 'clock' | 'callScope'>,
    owner: ResolverListener,
  ) {
    this.#resolver = resolver;
    this.#environment = environment;
    this.#owner = owner;
  }

  /** It can be asked to look again, and then tells what it finds. */
  get canRefresh(): boolean {
    return this.#watch?.refresh !== undefined;
  }

  /** Idempotent. */
  begin(): void {
    if (this.#listener !== undefined) return;
    const listener: ResolverListener = {
      onServers: (servers) => {
        if (this.#listener === listener) this.#owner.onServers(servers);
      },
      onError: (reason) => {
        if (this.#listener === listener) this.#owner.onError(reason);
      },
    };
    this.#listener = listener;
    // A watch outlives the handler in which somebody happened to need it first.
    const watch = this.#environment.callScope.runDetached(() => this.#watchWith(listener));
    if (this.#listener === listener) this.#watch = watch;
    else
      this.#guard(() => {
        watch.stop();
      });
  }

  refresh(): void {
    this.#guard(() => this.#watch?.refresh?.());
  }

  /** Idempotent. */
  end(): void {
    const watch = this.#watch;
    this.#listener = undefined;
    this.#watch = undefined;
    this.#guard(() => watch?.stop());
  }

  #watchWith(listener: ResolverListener): ResolverWatch {
    try {
      return checkWatch(this.#resolver.watch(listener));
    } catch (error) {
      return this.#retry(listener, `the resolver failed: ${textOf(error)}`);
    }
  }

  /** In the place of a watch that could not be begun. */
  #retry(listener: ResolverListener, reason: string): ResolverWatch {
    const { clock } = this.#environment;
    const again = (): void => {
      this.end();
      this.begin();
    };
    const timer = clock.setTimer(again, RETRY_MS, false);
    clock.soon(() => {
      listener.onError(reason);
    });
    return {
      stop() {
        timer.cancel();
      },
      refresh: again,
    };
  }

  /** A mistake of the resolver is its own: it surfaces as uncaught, and not in the middle of our work. */
  #guard(ask: () => void): void {
    try {
      ask();
    } catch (error) {
      this.#environment.clock.soon(() => {
        throw error;
      });
    }
  }
}

/** Not everybody who writes a resolver has a compiler. */
function checkWatch(watch: ResolverWatch): ResolverWatch {
  if (typeof (watch as Partial<ResolverWatch> | undefined)?.stop === 'function') return watch;
  throw new Error('watch(listener) has to return { stop() }');
}

/** As long as a name that could not be asked for is not asked for again. */
const RETRY_MS = 1_000;
