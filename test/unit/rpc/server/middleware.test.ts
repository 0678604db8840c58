import {
  type CallContext,
  Metadata,
  ServerError,
  type ServerMiddleware,
  type ServerMiddlewareCall,
  Status,
} from 'nice-grpc-common';
import {
  type EchoRequest,
  type EchoResponse,
  TestServiceDefinition,
} from '../../../../generated/test/v1/test.js';
import { settle } from '../../../support/manual-clock.js';
import { ECHO, echoedBytes, echoRequest, PUT, ServerFixture } from '../../../support/server-fixture.js';

/** As in the documentation of nice-grpc. */
function noting(name: string, notes: string[]): ServerMiddleware {
  return async function* <Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ) {
    notes.push(`${name} before`);
    const response = yield* call.next(call.request, context);
    notes.push(`${name} after`);
    return response;
  };
}

interface UserExt {
  user: string;
}

const withUser: ServerMiddleware<UserExt> = async function* (call, context) {
  const user = context.metadata.get('user');
  if (user === undefined) throw new ServerError(Status.UNAUTHENTICATED, 'who is it?');
  return yield* call.next(call.request, { ...context, user });
};

describe('server middleware', () => {
  test('runs in the order in which it was attached, around the handler', async () => {
    const notes: string[] = [];
    const fixture = new ServerFixture();
    const outer = noting('first', notes);
    fixture.server
      .use(outer)
      .use(noting('second', notes))
      .with(noting('third', notes))
      .with(noting('fourth', notes))
      .add(TestServiceDefinition, {
        ...fixture.implementation,
        echo: async (request) => {
          notes.push('handler');
          return { payload: request.payload };
        },
      });
    const client = await fixture.connect();
    client.request(0, { message: echoRequest(3) });
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[3]]);
    expect(notes).toEqual([
      'first before',
      'second before',
      'third before',
      'fourth before',
      'handler',
      'fourth after',
      'third after',
      'second after',
      'first after',
    ]);
  });

  test('with `use` is that of the server, whether or not the result is kept', async () => {
    const notes: string[] = [];
    const fixture = new ServerFixture();
    expect(fixture.server.use(noting('it', notes))).toBe(fixture.server);
    const client = await fixture.serve();
    client.request(0);
    await settle();
    expect(notes).toEqual(['it before', 'it after']);
  });

  test('with `with` is that of one service', async () => {
    const notes: string[] = [];
    const fixture = new ServerFixture();
    fixture.server
      .with(noting('it', notes))
      .add(
        { name: 'Other', fullName: 'other.v1.Other', methods: TestServiceDefinition.methods },
        fixture.implementation,
      );
    const client = await fixture.serve();
    client.request(0);
    await settle();
    expect(notes).toEqual([]);
    client.request(2, { path: 'other.v1.Other/Echo' });
    await settle();
    expect(notes).toEqual(['it before', 'it after']);
  });

  test('adds to the contexts of handlers, which keep everything else', async () => {
    const fixture = new ServerFixture();
    let seen: [string, string, AbortSignal] | undefined;
    fixture.server.use(withUser).add(TestServiceDefinition, {
      ...fixture.implementation,
      echo: async (_request, context) => {
        seen = [context.user, context.requestId, context.signal];
        context.trailer.set('t', '1');
        return {};
      },
    });
    const client = await fixture.connect();
    client.request(0, { metadata: Metadata({ user: 'u' }), sequence: 9 });
    await settle();
    expect(seen).toEqual(['u', `${'ab'.repeat(16)}-9`, expect.any(AbortSignal)]);
    expect(client.status(0).metadata?.get('t')).toBe('1');
    client.request(2);
    await settle();
    expect(client.status(2)).toMatchObject({ code: Status.UNAUTHENTICATED, details: 'who is it?' });
  });

  test('is told the method, and may change request and response', async () => {
    const fixture = new ServerFixture();
    const paths: string[] = [];
    fixture.server.use(async function* (call, context) {
      paths.push(call.method.path);
      const request = { ...call.request, payload: Uint8Array.of(1) } as unknown as typeof call.request;
      const response = yield* call.next(request, context);
      const { payload } = response as unknown as EchoResponse;
      return { payload: Uint8Array.of(...payload, 2) } as unknown as typeof response;
    });
    const client = await fixture.serve({ echo: async ({ payload }: EchoRequest) => ({ payload }) });
    client.request(0, { message: echoRequest(9) });
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[1, 2]]);
    expect(paths).toEqual([`/${ECHO}`]);
  });

  test('may turn an error into a response', async () => {
    const fixture = new ServerFixture();
    fixture.server.use(async function* (call, context) {
      try {
        return yield* call.next(call.request, context);
      } catch {
        return { payload: Uint8Array.of(7) } as never;
      }
    });
    const client = await fixture.serve({ echo: () => Promise.reject(new Error('secret')) });
    client.request(0);
    await settle();
    expect(client.answer(0).messages.map(echoedBytes)).toEqual([[7]]);
  });

  test('sees the cancellation', async () => {
    const fixture = new ServerFixture();
    let signal: AbortSignal | undefined;
    fixture.server.use(async function* (call, context) {
      signal = context.signal;
      return yield* call.next(call.request, context);
    });
    const client = await fixture.serve();
    client.request(0, { path: PUT });
    await settle();
    expect(signal?.aborted).toBe(false);
    client.cancel(0);
    expect(signal?.aborted).toBe(true);
  });

  test.each<[string, ServerMiddleware, string]>([
    [
      'yields',
      async function* (call, context) {
        yield {} as never;
        return yield* call.next(call.request, context);
      },
      'A middleware yielded a message, but expected to only return a message for unary method',
    ],
    [
      'returns nothing',
      async function* (call, context) {
        yield* call.next(call.request, context);
      },
      'A middleware returned void, but expected to return a message for unary method',
    ],
    [
      'passes on a stream',
      async function* (call, context) {
        return yield* call.next({ [Symbol.asyncIterator]: () => ({}) as never }, context);
      },
      'A middleware passed invalid request to next(): expected a single message for unary method',
    ],
  ])('that %s fails the call as in nice-grpc', async (_name, middleware, message) => {
    const fixture = new ServerFixture();
    fixture.server.use(middleware);
    const client = await fixture.serve();
    client.request(0);
    await settle();
    expect(client.status(0).code).toBe(Status.UNKNOWN);
    expect(fixture.errors).toMatchObject([{ error: { message } }]);
  });
});
