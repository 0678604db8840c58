/** What tools are told over `node:diagnostics_channel`, by whoever only knows the names and the types. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { jest } from '@jest/globals';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type ChannelOptions,
  createChannel,
  createClient,
  createServer,
  type DiagnosticsEvents,
  type Resolver,
  type ServerOptions,
  Status,
} from '../../src/index.js';
import { NO_DIAGNOSTICS } from '../../src/rpc/diagnostics.js';
import { certificates } from '../support/certificates.js';
import { ExampleProcess } from '../support/example-process.js';

/** Of every call and its end. */
const NAMES = [
  'udprpc:client.call.start',
  'udprpc:client.call.end',
  'udprpc:client.attempt.start',
  'udprpc:client.attempt.end',
  'udprpc:server.call.start',
  'udprpc:server.call.end',
  'udprpc:connection.open',
  'udprpc:connection.close',
  'udprpc:channel.state',
] as const satisfies readonly (keyof DiagnosticsEvents)[];

/** Of what goes wrong, or is a person's business. */
const OTHER_NAMES = [
  'udprpc:server.handler.error',
  'udprpc:channel.server',
  'udprpc:channel.resolver.error',
  'udprpc:warning',
] as const satisfies readonly (keyof DiagnosticsEvents)[];

const ALL_NAMES = [...NAMES, ...OTHER_NAMES];

const service = { echo: ({ payload }: { payload: Uint8Array }) => ({ payload }) } as never;
const seen: { name: string; payload: unknown }[] = [];
const listener = (payload: unknown, name: string | symbol): void => {
  seen.push({ name: String(name), payload });
};

beforeEach(() => {
  seen.length = 0;
  for (const name of ALL_NAMES) subscribe(name, listener);
});

afterEach(() => {
  for (const name of ALL_NAMES) unsubscribe(name, listener);
});

function of<Name extends keyof DiagnosticsEvents>(wanted: Name): DiagnosticsEvents[Name][] {
  return seen.flatMap(({ name, payload }) => (name === wanted ? [payload as DiagnosticsEvents[Name]] : []));
}

/** One call of a new client to a new server, and their end. */
async function callOnce(
  scheme: string,
  options: { server?: ServerOptions; channel?: ChannelOptions } = {},
): Promise<number> {
  const server = createServer(options.server);
  server.add(TestServiceDefinition, service);
  const port = await server.listen('127.0.0.1:0');
  const channel = createChannel(`${scheme}://127.0.0.1:${port}`, options.channel);
  await createClient(TestServiceDefinition, channel).echo({ payload: new Uint8Array(20_000) });
  await channel.close();
  await server.shutdown();
  return port;
}

test('each event of a call over UDP comes under its name, and each beginning has its end', async () => {
  const port = await callOnce('udp');
  expect(Object.keys(NO_DIAGNOSTICS).sort()).toEqual([...ALL_NAMES].sort());
  const counts = Object.fromEntries(ALL_NAMES.map((name) => [name, of(name).length]));
  expect(counts).toEqual({
    'udprpc:client.call.start': 1,
    'udprpc:client.call.end': 1,
    'udprpc:client.attempt.start': 1,
    'udprpc:client.attempt.end': 1,
    'udprpc:server.call.start': 1,
    'udprpc:server.call.end': 1,
    'udprpc:connection.open': 2,
    'udprpc:connection.close': 2,
    'udprpc:channel.state': 3,
    'udprpc:server.handler.error': 0,
    'udprpc:channel.server': 0,
    'udprpc:channel.resolver.error': 0,
    'udprpc:warning': 0,
  });
  const path = '/test.v1.TestService/Echo';
  expect(of('udprpc:client.call.end')).toMatchObject([{ path, code: Status.OK, attempts: 1 }]);
  const [attempt] = of('udprpc:client.attempt.end');
  expect(attempt).toMatchObject({ peer: `127.0.0.1:${port}`, code: Status.OK });
  expect(attempt?.packetsSent).toBeGreaterThan(1);
  expect(attempt?.rttMs).toBeGreaterThan(0);
  expect(of('udprpc:server.call.end')).toMatchObject([{ path, code: Status.OK, wasStarted: true }]);
  const closes = of('udprpc:connection.close');
  expect(closes.map(({ side, wasReady, isSecure }) => [side, wasReady, isSecure])).toEqual(
    expect.arrayContaining([
      ['client', true, false],
      ['server', true, false],
    ]),
  );
  for (const { stats } of closes) {
    expect(stats.datagramsSent).toBeGreaterThan(0);
    expect(stats.datagramsReceived).toBeGreaterThan(0);
  }
});

test('payloads print as plain objects: what stands for a call shows nothing of it', async () => {
  await callOnce('udp');
  for (const { name, payload } of seen) {
    expect([name, Object.getPrototypeOf(payload) === Object.prototype]).toEqual([name, true]);
    expect(JSON.stringify(payload).length).toBeLessThan(600);
  }
});

test('connections under TLS say so', async () => {
  const { authority, localServer } = await certificates();
  await callOnce('udps', { server: { tls: localServer }, channel: { tls: { ca: authority.cert } } });
  expect(of('udprpc:connection.open').map(({ isSecure }) => isSecure)).toEqual([true, true]);
});

test("a handler's error comes with its call, before its end, and is no warning then", async () => {
  await using server = createServer();
  const error = new Error('a mistake');
  server.add(TestServiceDefinition, { echo: () => Promise.reject(error) } as never);
  await using channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const call = createClient(TestServiceDefinition, channel).echo({});
  await expect(call).rejects.toMatchObject({ code: Status.UNKNOWN });
  await channel.close();
  await server.shutdown();
  const [told] = of('udprpc:server.handler.error');
  const [end] = of('udprpc:server.call.end');
  expect(told).toEqual({
    ...{
      call: end?.call,
      path: '/test.v1.TestService/Echo',
      peer: end?.peer,
      requestId: end?.requestId,
      error,
    },
  });
  expect(told?.call).toBe(end?.call);
  const names = seen.map(({ name }) => name);
  expect(names.indexOf('udprpc:server.handler.error')).toBeLessThan(names.indexOf('udprpc:server.call.end'));
  expect(of('udprpc:warning')).toEqual([]);
});

test('a warning is heard by who listens, and only else one of the process', async () => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const listen = async (): Promise<void> => {
    await using server = createServer({ insecure: true });
    server.add(TestServiceDefinition, service);
    await server.listen('0.0.0.0:0');
  };
  try {
    await listen();
    expect(of('udprpc:warning')).toEqual([
      { message: expect.stringContaining('without encryption') as string },
    ]);
    expect(emitWarning).not.toHaveBeenCalled();
    unsubscribe('udprpc:warning', listener);
    await listen();
    expect(emitWarning).toHaveBeenCalledWith(expect.stringContaining('without encryption'), 'UdprpcWarning');
  } finally {
    emitWarning.mockRestore();
  }
});

test('servers of a balanced channel, and a resolver that cannot answer, are told of with their channel', async () => {
  await using server = createServer();
  server.add(TestServiceDefinition, service);
  const address = `127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  const resolver: Resolver = {
    watch(listener) {
      listener.onError('no name server answered');
      listener.onServers([{ address }]);
      return { stop: () => undefined };
    },
  };
  await using channel = createChannel('udp://localhost', { resolver });
  await createClient(TestServiceDefinition, channel).echo({});
  const [state] = of('udprpc:channel.state');
  expect(of('udprpc:channel.resolver.error')).toEqual([
    {
      channel: state?.channel,
      target: 'udp://localhost',
      reason: expect.stringContaining('no name server') as string,
    },
  ]);
  const told = of('udprpc:channel.server');
  expect(told.map(({ address: of, to }) => [of, to])).toContainEqual([address, 'ready']);
  for (const { channel: of } of told) expect(of).toBe(state?.channel);
});

test('a listener that throws hurts no call: it surfaces as an uncaught exception', async () => {
  const program = new ExampleProcess('throwing-listener', [], { folder: 'test/support' });
  const { code, stdout, stderr } = await program.ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({ answer: [7], uncaught: [...NAMES].sort() });
});
