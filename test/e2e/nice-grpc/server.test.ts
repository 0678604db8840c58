/** The README of nice-grpc, "Server": implementations, their contexts, errors, and how a server starts and stops. */
import { jest } from '@jest/globals';
import { type CallContext } from 'nice-grpc';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { aborted, failure, Gate, said, say } from './messages.js';
import { Stage, type TestImplementation, WORLDS } from './world.js';

describe.each(WORLDS)('a server of $name', (world) => {
  const { createServer, createClient, Metadata, ServerError, ClientError, Status } = world.library;
  const stage = new Stage(world);

  test('serves an object', async () => {
    const client = await stage.client({ echo: async (request) => request });
    expect(said(await client.echo(say('hello')))).toBe('hello');
  });

  test('serves an instance of a class, which keeps its state', async () => {
    class Counter implements Pick<TestImplementation, 'add'> {
      #total = 0n;

      async add(request: { amount: bigint }): Promise<{ total: bigint }> {
        this.#total += request.amount;
        return { total: this.#total };
      }
    }
    const unserved = Object.keys(TestServiceDefinition.methods).filter((name) => name !== 'add');
    const implementation = Object.assign(
      new Counter(),
      Object.fromEntries(unserved.map((name) => [name, () => undefined])),
    );
    const server = createServer();
    server.add(TestServiceDefinition, implementation as unknown as TestImplementation);
    const client = createClient(TestServiceDefinition, await stage.connect(server));
    await client.add({ key: 'k', amount: 2n });
    expect(await client.add({ key: 'k', amount: 3n })).toEqual({ total: 5n });
  });

  test('fills in what requests and responses leave out', async () => {
    const client = await stage.client({
      put: async (request) => (request.key === '' && request.value === 0n ? {} : { value: 1n }),
    });
    expect(await client.put({})).toEqual({ value: 0n });
  });

  test('gives its handlers a context', async () => {
    let context: CallContext | undefined;
    const client = await stage.client({
      async echo(request, given) {
        context = given;
        return request;
      },
    });
    await client.echo({}, { metadata: Metadata({ key: 'value' }) });
    expect(context?.metadata.get('key')).toBe('value');
    expect(context?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(context?.signal).toBeInstanceOf(AbortSignal);
    expect(context?.signal.aborted).toBe(false);
  });

  test('reports a ServerError with its code and details', async () => {
    const client = await stage.client({
      async echo() {
        throw new ServerError(Status.NOT_FOUND, 'Requested data does not exist');
      },
    });
    const error = await failure(client.echo({}));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      code: Status.NOT_FOUND,
      details: 'Requested data does not exist',
      path: '/test.v1.TestService/Echo',
      message: '/test.v1.TestService/Echo NOT_FOUND: Requested data does not exist',
    });
  });

  test.each<[string, unknown]>([
    ['an Error', new TypeError('a secret')],
    ['null', null],
    ['a string', 'a secret'],
  ])('reports %s as UNKNOWN, and tells only its own side what it was', async (_what, thrown) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const client = await stage.client({
      async echo() {
        throw thrown;
      },
    });
    const error = await failure(client.echo({}));
    expect(error).toMatchObject({ code: Status.UNKNOWN, details: 'Unknown server error occurred' });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String(warn.mock.calls[0]?.[0])).toContain(
      thrown instanceof Error ? thrown.message : String(thrown),
    );
    warn.mockRestore();
  });

  test('reports an AbortError as CANCELLED, though nobody cancelled, and warns nobody', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const client = await stage.client({
      async echo() {
        throw new DOMException('any words', 'AbortError');
      },
    });
    expect(await failure(client.echo({}))).toMatchObject({
      code: Status.CANCELLED,
      details: 'The operation was cancelled',
    });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test('tells a client that it has no such method', async () => {
    const channel = await stage.serve({});
    const client = createClient({ ...TestServiceDefinition, fullName: 'test.v1.Other' }, channel);
    expect(await failure(client.echo({}))).toMatchObject({ code: Status.UNIMPLEMENTED });
    expect(await failure(client.download({}))).toMatchObject({ code: Status.UNIMPLEMENTED });
  });

  test('takes middleware before services and both before it listens', async () => {
    const server = createServer();
    const middleware = async function* () {} as never;
    server.add(TestServiceDefinition, {
      echo: async (request: unknown) => request,
      put: async () => ({}),
      add: async () => ({}),
      download: async function* () {},
      upload: async () => ({}),
      chat: async function* () {},
    } as unknown as TestImplementation);
    expect(() => server.use(middleware)).toThrow('server.use() must be used before adding any services');
    await stage.listen(server);
    expect(() => server.use(middleware)).toThrow('server.use() must be used before listen()');
    expect(() => {
      server.add(TestServiceDefinition, {} as TestImplementation);
    }).toThrow('server.add() must be used before listen()');
    await expect(server.listen('127.0.0.1:0')).rejects.toThrow('server.listen() has already been called');
  });

  test('waits at shutdown for the calls that run', async () => {
    const started = new Gate();
    const goOn = new Gate();
    const server = createServer();
    server.add(TestServiceDefinition, {
      ...unused(),
      async echo(request) {
        started.open();
        await goOn.opened;
        return request;
      },
    });
    const client = createClient(TestServiceDefinition, await stage.connect(server));
    const call = client.echo(say('late'));
    await started.opened;
    const order: string[] = [];
    const down = server.shutdown().then(() => order.push('shutdown'));
    const answered = call.then((answer) => order.push(said(answer)));
    goOn.open();
    await Promise.all([down, answered]);
    expect(order).toEqual(['late', 'shutdown']);
  });

  test('aborts at forceShutdown the calls that run', async () => {
    const started = new Gate<AbortSignal>();
    const server = createServer();
    server.add(TestServiceDefinition, {
      ...unused(),
      async echo(request, context) {
        started.open(context.signal);
        await aborted(context.signal);
        return request;
      },
    });
    const client = createClient(TestServiceDefinition, await stage.connect(server), {
      '*': { retry: false } as object,
    });
    const call = failure(client.echo({}));
    const signal = await started.opened;
    server.forceShutdown();
    expect(await call).toBeInstanceOf(ClientError);
    await aborted(signal);
  });
});

function unused(): TestImplementation {
  return {
    echo: async (request) => request,
    put: async () => ({}),
    add: async () => ({}),
    async *download() {},
    upload: async () => ({}),
    async *chat() {},
  };
}
