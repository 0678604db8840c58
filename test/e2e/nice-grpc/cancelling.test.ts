/** The README of nice-grpc, "Cancelling calls" of servers and of clients, for each kind of method. */
import { isAbortError } from 'abort-controller-x';
import { callOf, KINDS, serviceOf } from './kinds.js';
import { aborted, failure, Gate, said, say } from './messages.js';
import { Stage, WORLDS } from './world.js';

describe.each(WORLDS)('cancelling calls of $name', (world) => {
  const { Status, ServerError } = world.library;
  const stage = new Stage(world);

  test.each(KINDS)('aborts the signal of the handler: %s', async (kind) => {
    const abortController = new AbortController();
    const seen = new Gate<AbortSignal>();
    const client = await stage.client(
      serviceOf(async ({ signal }) => {
        abortController.abort();
        await aborted(signal);
        seen.open(signal);
      }),
    );
    const error = await failure(callOf(client, kind, { signal: abortController.signal }));
    expect(isAbortError(error)).toBe(true);
    expect(isAbortError((await seen.opened).reason)).toBe(true);
  });

  test.each(KINDS)('before they begin makes none: %s', async (kind) => {
    let starts = 0;
    const client = await stage.client(
      serviceOf(async () => {
        starts++;
      }),
    );
    const error = await failure(callOf(client, kind, { signal: AbortSignal.abort() }));
    expect(isAbortError(error)).toBe(true);
    await callOf(client, kind);
    expect(starts).toBe(1);
  });

  test.each(KINDS)('after they have ended does nothing: %s', async (kind) => {
    const abortController = new AbortController();
    let signal: AbortSignal | undefined;
    const client = await stage.client(
      serviceOf(async (context) => {
        signal ??= context.signal;
      }),
    );
    await callOf(client, kind, { signal: abortController.signal });
    abortController.abort();
    await callOf(client, kind);
    expect(signal?.aborted).toBe(false);
  });

  test('ends a stream that waits for its next message', async () => {
    const abortController = new AbortController();
    const cancelled = new Gate();
    const client = await stage.client({
      async *download(_request, { signal }) {
        yield say('first');
        await aborted(signal);
        cancelled.open();
      },
    });
    const iterator = client.download({}, { signal: abortController.signal })[Symbol.asyncIterator]();
    expect(said((await iterator.next()).value as { payload: Uint8Array })).toBe('first');
    const next = failure(iterator.next());
    abortController.abort();
    expect(isAbortError(await next)).toBe(true);
    expect(await iterator.next()).toMatchObject({ done: true });
    await cancelled.opened;
  });

  test('ends the generator of the requests', async () => {
    const abortController = new AbortController();
    const ended = new Gate();
    const client = await stage.client({
      async upload(requests) {
        for await (const request of requests) if (said(request) === 'b') abortController.abort();
        return {};
      },
    });
    async function* endless(): AsyncGenerator<{ payload: Uint8Array }> {
      try {
        yield say('a');
        for (;;) {
          yield say('b');
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        ended.open();
      }
    }
    const error = await failure(client.upload(endless(), { signal: abortController.signal }));
    expect(isAbortError(error)).toBe(true);
    await ended.opened;
  });

  test('is told from the status CANCELLED of a server', async () => {
    const client = await stage.client({
      async echo() {
        throw new ServerError(Status.CANCELLED, 'by the server');
      },
    });
    const error = await failure(client.echo({}, { signal: new AbortController().signal }));
    expect(isAbortError(error)).toBe(false);
    expect(error).toMatchObject({ code: Status.CANCELLED, details: 'by the server' });
  });
});
