/**
 * Words for messages, and waiting for what happens: `say` and `said` make a text of a message's payload, a `Gate` is
 * opened by one side of a call for the other, and `heard` and `failure` are what a call came to.
 */

interface Message {
  payload: Uint8Array;
}

export function say(text: string): Message {
  return { payload: new TextEncoder().encode(text) };
}

export function said(message: Message): string {
  return new TextDecoder().decode(message.payload);
}

export async function* sayAll(...texts: string[]): AsyncGenerator<Message, void, undefined> {
  for (const text of texts) yield say(text);
}

/** The texts of a stream, to its end. */
export async function heard(stream: AsyncIterable<Message>): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of stream) texts.push(said(message));
  return texts;
}

/** What a promise, or a stream, fails with; it must. */
export async function failure(call: Promise<unknown> | AsyncIterable<Message>): Promise<Error> {
  try {
    if (call instanceof Promise) await call;
    else await heard(call);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

export class Gate<T = void> {
  readonly opened: Promise<T>;
  readonly open: (value: T) => void;

  constructor() {
    let open: (value: T) => void = () => undefined;
    this.opened = new Promise((resolve) => {
      open = resolve;
    });
    this.open = open;
  }
}

/** Resolves when it is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
