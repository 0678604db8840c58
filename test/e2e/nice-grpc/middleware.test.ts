/** The README of nice-grpc, "Middleware" of servers and of clients: its samples, their nesting, and what they get wrong. */
import { jest } from '@jest/globals';
import { isAbortError } from 'abort-controller-x';
import {
  type CallContext,
  type CallOptions,
  type ClientMiddleware,
  type ClientMiddlewareCall,
  type ServerMiddleware,
  type ServerMiddlewareCall,
} from 'nice-grpc';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { ANSWERS, callOf, KINDS, PATHS, serviceOf } from './kinds.js';
import { aborted, failure, Gate, heard, said, say, sayAll } from './messages.js';
import { Stage, WORLDS } from './world.js';

type AnyMessage = { payload: Uint8Array } | undefined;

describe.each(WORLDS)('middleware of $name', (world) => {
  const { createServer, createClient, createClientFactory, Metadata, Status, ServerError, ClientError } =
    world.library;
  const stage = new Stage(world);

  describe('on the server', () => {
    test.each(KINDS)('may do nothing: %s', async (kind) => {
      async function* middleware<Request, Response>(
        call: ServerMiddlewareCall<Request, Response>,
        context: CallContext,
      ) {
        return yield* call.next(call.request, context);
      }
      const client = await stage.client(
        serviceOf(async () => undefined),
        (server) => server.use(middleware),
      );
      expect(await callOf(client, kind)).toEqual(ANSWERS[kind]);
    });

    test.each(KINDS)('may treat the kinds apart, and knows the method: %s', async (kind) => {
      const seen: string[] = [];
      async function* middleware<Request, Response>(
        call: ServerMiddlewareCall<Request, Response>,
        context: CallContext,
      ) {
        seen.push(call.method.path, `${call.method.requestStream} ${call.method.responseStream}`);
        if (!call.responseStream) {
          const response = yield* call.next(call.request, context);
          return response;
        }
        for await (const response of call.next(call.request, context)) yield response;
        return;
      }
      const client = await stage.client(
        serviceOf(async () => undefined),
        (server) => server.use(middleware),
      );
      expect(await callOf(client, kind)).toEqual(ANSWERS[kind]);
      const isStreamed = kind === 'client streaming' || kind === 'bidirectional';
      const isStreaming = kind === 'server streaming' || kind === 'bidirectional';
      expect(seen).toEqual([PATHS[kind], `${isStreamed} ${isStreaming}`]);
    });

    test.each(KINDS)(
      'nests: the first that was attached is outermost, with() inside of use(): %s',
      async (kind) => {
        const order: string[] = [];
        const named = (name: string): ServerMiddleware =>
          async function* (call, context) {
            order.push(`${name} in`);
            try {
              return yield* call.next(call.request, context);
            } finally {
              order.push(`${name} out`);
            }
          };
        const server = createServer().use(named('a')).use(named('b'));
        server
          .with(named('c'))
          .with(named('d'))
          .add(TestServiceDefinition, {
            ...(serviceOf(async () => {
              order.push('handler');
            }) as Required<ReturnType<typeof serviceOf>>),
            put: async () => ({}),
            add: async () => ({}),
          });
        const client = createClient(TestServiceDefinition, await stage.connect(server));
        await callOf(client, kind);
        expect(order).toEqual('a in,b in,c in,d in,handler,d out,c out,b out,a out'.split(','));
      },
    );

    test('may be for one service only', async () => {
      const OtherDefinition = { ...TestServiceDefinition, fullName: 'test.v1.Other' } as const;
      const seen: string[] = [];
      const named = (name: string): ServerMiddleware =>
        async function* (call, context) {
          seen.push(`${name} ${call.method.path}`);
          return yield* call.next(call.request, context);
        };
      const server = createServer().use(named('A'));
      const implementation = {
        ...(serviceOf(async () => undefined) as Required<ReturnType<typeof serviceOf>>),
        put: async () => ({}),
        add: async () => ({}),
      };
      server.with(named('B')).add(TestServiceDefinition, implementation);
      server.with(named('C')).add(OtherDefinition, implementation);
      const channel = await stage.connect(server);
      await createClient(TestServiceDefinition, channel).echo({});
      await createClient(OtherDefinition, channel).echo({});
      expect(seen).toEqual([
        'A /test.v1.TestService/Echo',
        'B /test.v1.TestService/Echo',
        'A /test.v1.Other/Echo',
        'C /test.v1.Other/Echo',
      ]);
    });

    test.each(KINDS)('authenticates, and adds to the context: %s', async (kind) => {
      interface AuthCallContextExt {
        auth: { sub: string };
      }
      async function* authMiddleware<Request, Response>(
        call: ServerMiddlewareCall<Request, Response, AuthCallContextExt>,
        context: CallContext,
      ) {
        const authorization = context.metadata.get('Authorization');
        if (authorization === undefined) {
          throw new ServerError(Status.UNAUTHENTICATED, 'Missing Authorization metadata');
        }
        const [, token = ''] = authorization.split(' ');
        return yield* call.next(call.request, { ...context, auth: { sub: token } });
      }
      const users: string[] = [];
      const client = await stage.client(
        serviceOf<AuthCallContextExt>(async (context) => {
          users.push(context.auth.sub);
          context.header.set('h', 'from the copy');
          expect(context.signal.aborted).toBe(false);
        }),
        (server) => server.use(authMiddleware),
      );
      expect(await failure(callOf(client, kind))).toMatchObject({
        code: Status.UNAUTHENTICATED,
        details: 'Missing Authorization metadata',
      });
      const headers: (string | undefined)[] = [];
      await callOf(client, kind, {
        metadata: Metadata({ Authorization: 'Bearer me' }),
        onHeader: (header) => headers.push(header.get('h')),
      });
      expect(users).toEqual(['me']);
      expect(headers).toEqual(['from the copy']);
    });

    test.each(KINDS)('makes friendly errors of unknown ones: %s', async (kind) => {
      async function* errorHandlingMiddleware<Request, Response>(
        call: ServerMiddlewareCall<Request, Response>,
        context: CallContext,
      ) {
        try {
          return yield* call.next(call.request, context);
        } catch (error: unknown) {
          if (error instanceof ServerError || isAbortError(error)) throw error;
          context.trailer.set('kind', 'unknown');
          throw new ServerError(Status.UNKNOWN, `friendly: ${String(error)}`);
        }
      }
      const client = await stage.client(
        serviceOf(async () => {
          throw new RangeError('too far');
        }),
        (server) => server.use(errorHandlingMiddleware),
      );
      const trailers: (string | undefined)[] = [];
      const error = await failure(
        callOf(client, kind, { onTrailer: (trailer) => trailers.push(trailer.get('kind')) }),
      );
      expect(error).toMatchObject({ code: Status.UNKNOWN, details: 'friendly: RangeError: too far' });
      expect(trailers).toEqual(['unknown']);
    });

    test.each(KINDS)('logs: %s', async (kind) => {
      const log: string[] = [];
      const ended = new Gate();
      async function* loggingMiddleware<Request, Response>(
        call: ServerMiddlewareCall<Request, Response>,
        context: CallContext,
      ) {
        const { path } = call.method;
        log.push(`Server call ${path} start`);
        try {
          const result = yield* call.next(call.request, context);
          log.push(`Server call ${path} end: OK`);
          return result;
        } catch (error) {
          if (error instanceof ServerError) {
            log.push(`Server call ${path} end: ${Status[error.code]}: ${error.details}`);
          } else if (isAbortError(error)) {
            log.push(`Server call ${path} cancel`);
          } else {
            log.push(`Server call ${path} error`);
          }
          throw error;
        } finally {
          if (context.metadata.get('how') === 'cancel') ended.open();
        }
      }
      const started = new Gate();
      const client = await stage.client(
        serviceOf(async ({ metadata, signal }) => {
          if (metadata.get('how') === 'fail') throw new ServerError(Status.NOT_FOUND, 'nothing');
          if (metadata.get('how') !== 'cancel') return;
          started.open();
          await aborted(signal);
          signal.throwIfAborted();
        }),
        (server) => server.use(loggingMiddleware),
      );
      await callOf(client, kind);
      await failure(callOf(client, kind, { metadata: Metadata({ how: 'fail' }) }));
      const abortController = new AbortController();
      const call = failure(
        callOf(client, kind, { metadata: Metadata({ how: 'cancel' }), signal: abortController.signal }),
      );
      await started.opened;
      abortController.abort();
      await call;
      await ended.opened;
      expect(log).toEqual(
        ['start', 'end: OK', 'start', 'end: NOT_FOUND: nothing', 'start', 'cancel'].map(
          (what) => `Server call ${PATHS[kind]} ${what}`,
        ),
      );
    });

    test('has its finally blocks run, from the inside out, when the client leaves a stream', async () => {
      const order: string[] = [];
      const ended = new Gate();
      const named = (name: string): ServerMiddleware =>
        async function* (call, context) {
          try {
            return yield* call.next(call.request, context);
          } finally {
            order.push(name);
            if (name === 'a') ended.open();
          }
        };
      const client = await stage.client(
        {
          async *download(_request, { signal }) {
            try {
              yield say('first');
              await aborted(signal);
              for (;;) yield say('more');
            } finally {
              order.push('handler');
            }
          },
        },
        (server) => server.use(named('a')).use(named('b')),
      );
      for await (const message of client.download({})) {
        expect(said(message)).toBe('first');
        break;
      }
      await ended.opened;
      expect(order).toEqual(['handler', 'b', 'a']);
    });

    test.each(KINDS)('is told of its own mistakes, and the client is not: %s', async (kind) => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const seen: string[] = [];
      const isStreaming = kind === 'server streaming' || kind === 'bidirectional';
      const client = await stage.client(
        serviceOf(async () => undefined),
        (server) =>
          server.use(async function* (call, context) {
            try {
              switch (context.metadata.get('how')) {
                case 'stray':
                  if (isStreaming) return say('stray') as never;
                  yield say('stray') as never;
                  return yield* call.next(call.request, context);
                default:
                  return yield* call.next((call.requestStream ? say('x') : sayAll('x')) as never, context);
              }
            } catch (error) {
              seen.push((error as Error).message);
              throw error;
            }
          }),
      );
      for (const how of ['stray', 'wrong']) {
        const error = await failure(callOf(client, kind, { metadata: Metadata({ how }) }));
        expect(error).toMatchObject({ code: Status.UNKNOWN, details: 'Unknown server error occurred' });
      }
      expect(seen.at(-1)).toMatch(/^A middleware passed invalid request to next\(\): expected /);
      if (!isStreaming)
        expect(seen[0]).toMatch(/^A middleware yielded a message, but expected to only return /);
      expect(warn).toHaveBeenCalledTimes(2);
      warn.mockRestore();
    });
  });

  describe('on the client', () => {
    test.each(KINDS)('nests: the last that was attached is outermost: %s', async (kind) => {
      const order: string[] = [];
      const named = (name: string): ClientMiddleware =>
        async function* (call, options) {
          order.push(`${name} in ${call.method.path}`);
          try {
            return yield* call.next(call.request, options);
          } finally {
            order.push(`${name} out`);
          }
        };
      const channel = await stage.serve(serviceOf(async () => undefined));
      const factory = createClientFactory().use(named('a'));
      const client = factory.use(named('b')).create(TestServiceDefinition, channel);
      factory.use(named('never'));
      expect(await callOf(client, kind)).toEqual(ANSWERS[kind]);
      expect(order).toEqual([`b in ${PATHS[kind]}`, `a in ${PATHS[kind]}`, 'a out', 'b out']);
    });

    test.each(KINDS)('adds metadata, as a function that is no generator: %s', async (kind) => {
      const token = 'secret';
      const seen: (string | undefined)[] = [];
      const channel = await stage.serve(
        serviceOf(async ({ metadata }) => {
          seen.push(metadata.get('authorization'), metadata.get('key'));
        }),
      );
      const client = createClientFactory()
        .use((call, options) =>
          call.next(call.request, {
            ...options,
            metadata: Metadata(options.metadata).set('Authorization', `Bearer ${token}`),
          }),
        )
        .create(TestServiceDefinition, channel);
      expect(await callOf(client, kind, { metadata: Metadata({ key: 'own' }) })).toEqual(ANSWERS[kind]);
      expect(seen).toEqual(['Bearer secret', 'own']);
    });

    test('adds call options, for all methods, for one, or for one call', async () => {
      interface Ext {
        label?: string;
      }
      const labels: (string | undefined)[] = [];
      const middleware: ClientMiddleware<Ext> = async function* (call, options) {
        const { label, ...rest } = options;
        labels.push(label);
        return yield* call.next(call.request, rest);
      };
      const channel = await stage.serve({ ...serviceOf(async () => undefined), put: async () => ({}) });
      const client = createClientFactory()
        .use(middleware)
        .create(TestServiceDefinition, channel, {
          '*': { label: 'all' },
          echo: { label: 'echo' },
        });
      await client.put({});
      await client.echo({});
      await client.echo({}, { label: 'call' });
      await heard(client.download({}));
      await heard(client.download({}, { label: 'call' }));
      expect(labels).toEqual(['all', 'echo', 'call', 'all', 'call']);
    });

    test.each(KINDS)('logs: %s', async (kind) => {
      const log: string[] = [];
      async function* loggingMiddleware<Request, Response>(
        call: ClientMiddlewareCall<Request, Response>,
        options: CallOptions,
      ) {
        const { path } = call.method;
        log.push(`Client call ${path} start`);
        try {
          const result = yield* call.next(call.request, options);
          log.push(`Client call ${path} end: OK`);
          return result;
        } catch (error) {
          if (error instanceof ClientError) {
            log.push(`Client call ${path} end: ${Status[error.code]}: ${error.details}`);
          } else if (isAbortError(error)) {
            log.push(`Client call ${path} cancel`);
          } else {
            log.push(`Client call ${path} error`);
          }
          throw error;
        }
      }
      const abortController = new AbortController();
      const channel = await stage.serve(
        serviceOf(async ({ metadata, signal }) => {
          if (metadata.get('how') === 'fail') throw new ServerError(Status.NOT_FOUND, 'nothing');
          if (metadata.get('how') !== 'cancel') return;
          abortController.abort();
          await aborted(signal);
        }),
      );
      const client = createClientFactory().use(loggingMiddleware).create(TestServiceDefinition, channel);
      await callOf(client, kind);
      await failure(callOf(client, kind, { metadata: Metadata({ how: 'fail' }) }));
      await failure(
        callOf(client, kind, { metadata: Metadata({ how: 'cancel' }), signal: abortController.signal }),
      );
      expect(log).toEqual(
        ['start', 'end: OK', 'start', 'end: NOT_FOUND: nothing', 'start', 'cancel'].map(
          (what) => `Client call ${PATHS[kind]} ${what}`,
        ),
      );
    });

    test.each(KINDS)('may call next() again: %s', async (kind) => {
      let calls = 0;
      const channel = await stage.serve(
        serviceOf(async () => {
          calls++;
          if (calls === 1) throw new ServerError(Status.ABORTED, 'once more');
        }),
      );
      const client = createClientFactory()
        .use(async function* (call, options) {
          try {
            return yield* call.next(call.requestStream ? (sayAll('x') as never) : call.request, options);
          } catch {
            return yield* call.next(call.request, options);
          }
        })
        .create(TestServiceDefinition, channel);
      expect(await callOf(client, kind)).toEqual(ANSWERS[kind]);
      expect(calls).toBe(2);
    });

    test('may change requests and responses', async () => {
      const channel = await stage.serve({
        async *chat(requests) {
          yield* requests;
        },
      });
      async function* louder<T>(messages: AsyncIterable<T>, mark: string): AsyncGenerator<T> {
        for await (const message of messages) yield say(said(message as never) + mark) as T;
      }
      const client = createClientFactory()
        .use(async function* (call, options) {
          if (!call.requestStream || !call.responseStream) return yield* call.next(call.request, options);
          yield* louder(call.next(louder(call.request, '!'), options), '?');
          return;
        })
        .create(TestServiceDefinition, channel);
      expect(await heard(client.chat(sayAll('a', 'b')))).toEqual(['a!?', 'b!?']);
    });

    test('has its finally blocks run, from the inside out, when a stream is left', async () => {
      const order: string[] = [];
      const named = (name: string): ClientMiddleware =>
        async function* (call, options) {
          try {
            return yield* call.next(call.request, options);
          } finally {
            order.push(name);
          }
        };
      const channel = await stage.serve({
        async *download() {
          yield* sayAll('a', 'b');
        },
      });
      const client = createClientFactory()
        .use(named('a'))
        .use(named('b'))
        .create(TestServiceDefinition, channel);
      for await (const message of client.download({})) {
        expect(said(message)).toBe('a');
        break;
      }
      expect(order).toEqual(['a', 'b']);
    });

    test.each([
      ['unary', 'A middleware returned void, but expected to return a message for unary method'],
      ['server streaming', undefined],
      [
        'client streaming',
        'A middleware returned void, but expected to return a message for client streaming method',
      ],
      ['bidirectional', undefined],
    ] as const)('that does not call next() answers itself, or not at all: %s', async (kind, message) => {
      let calls = 0;
      const channel = await stage.serve(
        serviceOf(async () => {
          calls++;
        }),
      );
      const client = createClientFactory()
        .use(async function* () {
          return undefined;
        })
        .create(TestServiceDefinition, channel);
      if (message === undefined) expect(await callOf(client, kind)).toEqual([]);
      else expect((await failure(callOf(client, kind))).message).toBe(message);
      expect(calls).toBe(0);
    });

    test.each([
      ['unary', 'A middleware yielded a message, but expected to only return a message for unary method'],
      [
        'server streaming',
        'A middleware returned a message, but expected to return void for server streaming method',
      ],
      [
        'client streaming',
        'A middleware yielded a message, but expected to only return a message for client streaming method',
      ],
      [
        'bidirectional',
        'A middleware returned a message, but expected to return void for bidirectional streaming method',
      ],
    ] as const)('that yields or returns what it must not is told so: %s', async (kind, message) => {
      const channel = await stage.serve(serviceOf(async () => undefined));
      const client = createClientFactory()
        .use(async function* (call, options) {
          if (!call.responseStream) yield say('stray') as never;
          const result: unknown = yield* call.next(call.request, options);
          return (call.responseStream ? say('stray') : result) as never;
        })
        .create(TestServiceDefinition, channel);
      expect((await failure(callOf(client, kind))).message).toBe(message);
    });

    test.each(KINDS)('that passes on a request of the wrong kind is told so: %s', async (kind) => {
      const channel = await stage.serve(serviceOf(async () => undefined));
      const client = createClientFactory()
        .use(async function* (call, options) {
          const wrong: AnyMessage | AsyncIterable<AnyMessage> = call.requestStream ? say('x') : sayAll('x');
          return yield* call.next(wrong as never, options);
        })
        .create(TestServiceDefinition, channel);
      expect((await failure(callOf(client, kind))).message).toMatch(
        /^A middleware passed invalid request to next\(\): expected /,
      );
    });
  });
});
