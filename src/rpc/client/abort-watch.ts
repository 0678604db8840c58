/**
 * One listener per AbortSignal, however many calls it can cancel: a fetch with a hundred calls under one signal would
 * otherwise have Node warn of a leak at the eleventh. The listener is taken off with the last call.
 */
export interface Abortable {
  /** Called once. The call is no longer watched then. */
  onAbort(signal: AbortSignal): void;
}

/** The signal is not aborted yet. */
export function watchAbort(signal: AbortSignal, call: Abortable): void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new AbortWatch(signal);
    watches.set(signal, watch);
  }
  watch.calls.add(call);
}

/** Idempotent. */
export function unwatchAbort(signal: AbortSignal, call: Abortable): void {
  const watch = watches.get(signal);
  if (watch === undefined) return;
  watch.calls.delete(call);
  if (watch.calls.size === 0) watch.end();
}

class AbortWatch {
  readonly calls = new Set<Abortable>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  end(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    watches.delete(this.#signal);
  }

  readonly #onAbort = (): void => {
    this.end();
    for (const call of this.calls) call.onAbort(this.#signal);
  };
}

const watches = new WeakMap<AbortSignal, AbortWatch>();
