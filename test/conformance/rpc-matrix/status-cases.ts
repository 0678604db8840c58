/** What all kinds of methods share when a handler does not do as it was asked: what the caller gets to know of it. */
import { ServerError, Status } from 'nice-grpc-common';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { begin, type Kind, pathOf } from './four-kinds.js';
import { failure } from './waiting.js';
import { type RpcCase } from './world.js';

export function statusCases(rpcCase: RpcCase, kind: Kind): void {
  rpcCase(
    'status, details and trailer are those that the handler threw, before any message',
    async (open) => {
      const { harness, channel, contexts, ends, errors } = await open({
        async *conversation(_requests, context) {
          context.trailer.set('hint', 'try dog.jpg');
          throw new ServerError(Status.NOT_FOUND, 'no cat.jpg — 猫');
        },
      });
      const call = begin(channel, kind, ONE);
      const error = await failure(harness, call);
      expect(error).toMatchObject({
        path: pathOf(kind),
        code: Status.NOT_FOUND,
        details: 'no cat.jpg — 猫',
        maybeExecuted: true,
        attempts: 1,
      });
      expect([...error.metadata]).toEqual([['hint', ['try dog.jpg']]]);
      expect(call.trailers.map((trailer) => [...trailer])).toEqual([[['hint', ['try dog.jpg']]]]);
      expect(call.responses).toEqual([]);
      expect(contexts).toHaveLength(1);
      expect(ends).toMatchObject([{ code: Status.NOT_FOUND, details: 'no cat.jpg — 猫' }]);
      expect(errors).toEqual([]);
    },
  );

  rpcCase('every status', async (open) => {
    const { harness, channel, contexts } = await open({
      async *conversation(requests) {
        for await (const [index = 0] of requests) {
          throw new ServerError(FAILURES[index] ?? Status.OK, `because of ${index}`);
        }
      },
    });
    const calls = FAILURES.map((_, index) => begin(channel, kind, [Uint8Array.of(index)], { retry: false }));
    const errors = await harness.settle(Promise.all(calls.map(({ ended }) => ended)));
    expect(errors.map((error) => [error?.code, error?.details])).toEqual(
      FAILURES.map((code, index) => [code, `because of ${index}`]),
    );
    expect(contexts).toHaveLength(FAILURES.length);
  });

  rpcCase('a handler that throws anything else: UNKNOWN, and not a word of what it said', async (open) => {
    const { harness, channel, errors, contexts } = await open({
      conversation: () => {
        throw new Error('password is 123');
      },
    });
    const error = await failure(harness, begin(channel, kind, ONE));
    expect(error).toMatchObject({ code: Status.UNKNOWN, details: 'Unknown server error occurred' });
    expect(errors).toMatchObject([{ path: pathOf(kind), error: { message: 'password is 123' } }]);
    expect(contexts).toHaveLength(1);
  });

  rpcCase('a method that the server does not know', async (open) => {
    const { harness, channel, contexts } = await open();
    const methods = { ...kind.service.methods };
    const renamed = { ...methods, [kind.method]: { ...methods[kind.method], name: 'Nope' } };
    const stranger = { ...kind, service: { ...kind.service, methods: renamed } };
    const error = await failure(harness, begin(channel, stranger, ONE));
    expect(error).toMatchObject({ code: Status.UNIMPLEMENTED, maybeExecuted: false });
    expect(error.details).toContain(`/${kind.service.fullName}/Nope`);
    expect(contexts).toEqual([]);
  });

  rpcCase('a method that the implementation lacks', async (open) => {
    const { harness, channel } = await open({ conversation: null });
    const error = await failure(harness, begin(channel, kind, ONE));
    expect(error).toMatchObject({ code: Status.UNIMPLEMENTED, maybeExecuted: false });
    expect(error.details).toContain(pathOf(kind));
  });

  rpcCase('a request that cannot be decoded: INTERNAL', async (open) => {
    const { harness, channel } = await open();
    const garbled = { ...kind.service.methods[kind.method], requestType: GARBLING };
    const client = createClient({ ...kind.service, methods: { garbled } }, channel);
    // What is given does not matter to this codec, but a stream of it must be one.
    const answer: unknown = client.garbled((kind.streamsRequest ? once() : undefined) as never);
    const error = await failure(harness, consumed(answer));
    expect(error.code).toBe(Status.INTERNAL);
  });
}

/** Bytes that no protobuf message begins with. */
const GARBLING = {
  encode: () => ({ finish: () => Uint8Array.of(0x0a, 0x05, 1) }),
  decode: () => undefined,
};

async function* once(): AsyncGenerator<undefined, void> {
  yield undefined;
}

async function consumed(answer: unknown): Promise<void> {
  if (answer instanceof Promise) {
    await answer;
    return;
  }
  const iterator = (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

const ONE = [Uint8Array.of(1)];

const FAILURES: readonly Status[] = Object.values(Status).filter(
  (code): code is Status => typeof code === 'number' && code !== Status.OK,
);
