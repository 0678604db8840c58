/**
 * The responses of a streaming call for who iterates them or listens. Those that nobody has read wait here, and from a
 * limit on the server waits with them, where the stream of protobuf-ts itself would hold however many come. Leaving the
 * iteration cancels the call.
 */
import { type RpcError, type RpcOutputStream } from '@protobuf-ts/runtime-rpc';

type Callback<Message> = Parameters<RpcOutputStream<Message & object>['onNext']>[0];

export class ResponseStream<Message extends object> implements RpcOutputStream<Message> {
  readonly #onLeft: () => void;
  readonly #callbacks = new Set<Callback<Message>>();
  #isIterated = false;
  #unread: { readonly message: Message; readonly bytes: number }[] = [];
  #unreadBytes = 0;
  #end: { readonly error: RpcError | undefined } | undefined;
  /** Of iterations that wait for a message. */
  #readers: (() => void)[] = [];
  /** Of the call, when it waits until messages are read. */
  #onRoom: () => void = () => undefined;

  /** `onLeft`: somebody has stopped to iterate, and the call is not over. */
  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** Whoever comes first hears of the messages that wait. */
  onNext(callback: Callback<Message>): () => void {
    this.#callbacks.add(callback);
    if (!this.#isIterated) {
      for (let next = this.#take(); next !== undefined; next = this.#take())
        tell(callback, next, undefined, false);
      if (this.#end !== undefined) tell(callback, undefined, this.#end.error, this.#end.error === undefined);
    }
    return () => this.#callbacks.delete(callback);
  }

  onMessage(callback: (message: Message) => void): () => void {
    return this.onNext((message) => {
      if (message !== undefined) callback(message);
    });
  }

  onError(callback: (error: Error) => void): () => void {
    return this.onNext((_message, error) => {
      if (error !== undefined) callback(error);
    });
  }

  onComplete(callback: () => void): () => void {
    return this.onNext((_message, _error, isComplete) => {
      if (isComplete) callback();
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, void, undefined> {
    this.#isIterated = true;
    return this.#read();
  }

  // What the call tells.

  /** Resolves when it may go on to the next one. */
  async take(message: Message, bytes: number): Promise<void> {
    for (const callback of this.#callbacks) tell(callback, message, undefined, false);
    if (this.#callbacks.size > 0 && !this.#isIterated) return;
    this.#unread.push({ message, bytes });
    this.#unreadBytes += bytes;
    this.#wakeReaders();
    if (this.#unreadBytes >= MAX_UNREAD_BYTES) {
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
    }
  }

  /** Once. */
  end(error?: RpcError): void {
    this.#end = { error };
    this.#wakeReaders();
    for (const callback of this.#callbacks) tell(callback, undefined, error, error === undefined);
    this.#callbacks.clear();
  }

  async *#read(): AsyncGenerator<Message, void, undefined> {
    try {
      for (;;) {
        const next = this.#take();
        if (next !== undefined) yield next;
        else if (this.#end === undefined) await new Promise<void>((resolve) => this.#readers.push(resolve));
        else if (this.#end.error === undefined) return;
        else throw this.#end.error;
      }
    } finally {
      if (this.#end === undefined) {
        this.#onRoom();
        this.#onLeft();
      }
    }
  }

  #take(): Message | undefined {
    const next = this.#unread.shift();
    if (next === undefined) return undefined;
    this.#unreadBytes -= next.bytes;
    if (this.#unreadBytes < MAX_UNREAD_BYTES) this.#onRoom();
    return next.message;
  }

  #wakeReaders(): void {
    for (const wake of this.#readers.splice(0)) wake();
  }
}

/** What a callback throws is its own affair: an uncaught exception, as from any listener, and the call goes on. */
function tell<Message>(callback: Callback<Message>, ...what: Parameters<Callback<Message>>): void {
  try {
    callback(...what);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Encoded; so much is also there for who awaits the end of a call and reads its messages afterwards. */
const MAX_UNREAD_BYTES = 1_048_576;
