/**
 * The scope of nested calls by Node's AsyncLocalStorage, which follows promises, timers and everything else that Node
 * calls back. Node switches its hooks on with the first `run`, so nothing is paid for before; they are switched off when
 * the last who read it has gone. On Node 20 they make a promise slower by 0.1 to 0.2 µs,
 * and a server's small unary call, 13 µs of CPU, by 1 to 2.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type CallScope, type ParentCall } from '../rpc/call-scope.js';

export class AsyncCallScope implements CallScope {
  readonly #storage = new AsyncLocalStorage<ParentCall | undefined>();
  #readers = 0;

  get isActive(): boolean {
    return this.#readers > 0;
  }

  acquire(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0) this.#storage.disable();
  }

  run<Args extends unknown[], Result>(
    parent: ParentCall,
    fn: (...args: Args) => Result,
    ...args: Args
  ): Result {
    return this.#storage.run(parent, fn, ...args);
  }

  runDetached<Result>(fn: () => Result): Result {
    // Outside any call there is nothing to leave, and `run` would switch the hooks on.
    return this.#storage.getStore() === undefined ? fn() : this.#storage.run(undefined, fn);
  }

  current(): ParentCall | undefined {
    const parent = this.#storage.getStore();
    return parent?.isRunning === true ? parent : undefined;
  }
}
