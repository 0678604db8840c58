import { jest } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import { type EchoRequest, TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { type Server } from '../../../src/rpc/server/server.js';
import {
  createSimulatedNetwork,
  type SimulatedNetwork,
  type SimulatedNetworkOptions,
  type SimulatedServerOptions,
} from '../../../src/testing/simulated-network.js';

const ADDRESS = '10.0.0.1:5005';
const PAYLOAD = Uint8Array.of(1, 2, 3);

let network: SimulatedNetwork;

afterEach(() => network.close());

interface Setting {
  readonly server: Server;
  readonly tests: ReturnType<typeof clientOf>;
  /** Calls that reached the handler. */
  readonly started: string[];
}

function clientOf(channel = network.createChannel(ADDRESS)) {
  return createClient(TestServiceDefinition, channel);
}

/** The echo that waits in virtual time, as the request says. */
async function serve(
  started: string[] = [],
  echo = async ({ payload, delayMs }: EchoRequest) => {
    await network.sleep(delayMs);
    return { payload };
  },
  options: SimulatedServerOptions = {},
): Promise<Server> {
  const server = network.createServer(options);
  let total = 0n;
  server.add(TestServiceDefinition, {
    echo: (request: EchoRequest) => {
      started.push('echo');
      return echo(request);
    },
    add: async ({ amount }: { amount: bigint }) => {
      started.push('add');
      await network.sleep(100);
      return { total: (total += amount) };
    },
  } as never);
  await server.listen(ADDRESS);
  return server;
}

async function setUp(options: SimulatedNetworkOptions = {}): Promise<Setting> {
  network = createSimulatedNetwork({ seed: 7, delayMs: 20, ...options });
  const started: string[] = [];
  const server = await serve(started);
  return { server, started, tests: clientOf() };
}

describe('time', () => {
  test('a call takes the time of its way, and its handler’s sleep, and no real time', async () => {
    const { tests } = await setUp();
    const answer = await network.run(tests.echo({ payload: PAYLOAD, delayMs: 5_000 }));
    expect(answer.payload).toEqual(PAYLOAD);
    expect(network.now()).toBeGreaterThanOrEqual(5_040);
    expect(network.now()).toBeLessThan(5_050);
  });

  test('stands still while nothing is run, and goes exactly as far as it is told', async () => {
    await setUp();
    const before = network.now();
    await new Promise((resolve) => setImmediate(resolve));
    expect(network.now()).toBe(before);
    await network.advance(1_234);
    expect(network.now()).toBe(before + 1_234);
  });

  test('runs overlap and nest, and each ends with its own promise', async () => {
    await setUp();
    const times: number[] = [];
    const nested = async (): Promise<void> => {
      await network.advance(10);
      times.push(network.now());
      await network.run(network.sleep(10));
      times.push(network.now());
    };
    const other = network.run(network.sleep(15)).then(() => times.push(network.now()));
    await Promise.all([network.run(nested()), other]);
    expect(times).toEqual([10, 15, 20]);
  });

  test('stands still for what is held', async () => {
    network = createSimulatedNetwork();
    const inManyRealTurns = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
    await serve([], async () => {
      await network.hold(inManyRealTurns());
      return { payload: PAYLOAD };
    });
    const answer = await network.run(clientOf().echo({}, { timeoutMs: 50 }));
    expect(answer.payload).toEqual(PAYLOAD);
    expect(network.now()).toBeLessThan(50);
  });

  test('a sleep ends with its signal, with the reason of that', async () => {
    network = createSimulatedNetwork();
    const controller = new AbortController();
    const sleep = network.sleep(1_000, controller.signal);
    network.clock.setTimer(() => {
      controller.abort(new Error('enough'));
    }, 10);
    await expect(network.run(sleep)).rejects.toThrow('enough');
    expect(network.now()).toBe(10);
    await expect(network.sleep(1, controller.signal)).rejects.toThrow('enough');
  });

  test('a deadline given as a Date is measured by the network’s date', async () => {
    const { tests } = await setUp({ startDate: new Date(Date.UTC(2040, 0, 1)) });
    const deadline = new Date(Date.UTC(2040, 0, 1) + 3_000);
    await expect(network.run(tests.echo({ delayMs: 60_000 }, { deadline }))).rejects.toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
    });
    expect(network.now()).toBeCloseTo(3_000, 0);
  });
});

describe('with false timers', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  test('virtual time goes on as without them', async () => {
    const { tests } = await setUp();
    await expect(network.run(tests.echo({ payload: PAYLOAD }))).resolves.toMatchObject({ payload: PAYLOAD });
  });
});

describe('what goes wrong in a test', () => {
  test('a promise that nothing can settle is an error at once, which names the seed and the time', async () => {
    await setUp();
    await network.advance(5);
    const never = new Promise<void>(() => undefined);
    await expect(network.run(never)).rejects.toThrow(
      /^nothing is left that could settle the promise.*network\.hold\(\) \(seed 7, at 5\.000 ms\)$/,
    );
    expect(network.now()).toBe(5);
  });

  test('a promise that takes longer than it may is an error', async () => {
    await setUp();
    const sleep = network.sleep(700_000);
    await expect(network.run(sleep, { withinMs: 50 })).rejects.toThrow(
      'still unsettled after 50 ms of virtual time (seed 7, at 50.000 ms)',
    );
    await expect(network.run(sleep)).rejects.toThrow('still unsettled after 600000 ms of virtual time');
    await network.run(sleep);
    expect(network.now()).toBe(700_000);
  });

  test('the error’s stack leads to the code that waited', async () => {
    await setUp();
    async function theTestOfTheUser(): Promise<void> {
      await network.run(new Promise<void>(() => undefined));
    }
    const error = await theTestOfTheUser().catch((caught: unknown) => caught);
    expect((error as Error).stack).toContain('theTestOfTheUser');
  });

  test('what a listener throws ends the run, and nothing else is lost by it', async () => {
    const { server, tests } = await setUp();
    server.once('connection', () => {
      throw new Error('a mistake of the listener');
    });
    const call = tests.echo({ payload: PAYLOAD });
    await expect(network.run(call)).rejects.toThrow('a mistake of the listener');
    await expect(network.run(call)).resolves.toMatchObject({ payload: PAYLOAD });
  });

  test('what a timer of the user throws, and no run has told, is told by close', async () => {
    const failing = createSimulatedNetwork();
    network = createSimulatedNetwork();
    const own = new Error('a mistake of the timer');
    failing.clock.soon(() => {
      throw own;
    });
    await expect(failing.close()).rejects.toBe(own);
  });

  test('what a handler throws by mistake is UNKNOWN to the client and warned of with its stack', async () => {
    network = createSimulatedNetwork();
    const warnings: string[] = [];
    const fail = async (): Promise<never> => {
      throw new TypeError('a mistake of the handler');
    };
    await serve([], fail, { warn: (line) => warnings.push(line) });
    await expect(network.run(clientOf().echo({}))).rejects.toMatchObject({ code: Status.UNKNOWN });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/TestService\/Echo failed: TypeError: a mistake of the handler\n +at /);
  });

  test('a call that rejects while nobody runs it is no unhandled rejection of ours', async () => {
    const { tests } = await setUp();
    const call = tests.echo({ delayMs: 10_000 }, { timeoutMs: 100 });
    await expect(network.run(call, { withinMs: 50 })).rejects.toThrow('still unsettled');
    await network.advance(100);
    await expect(call).rejects.toMatchObject({ code: Status.DEADLINE_EXCEEDED });
  });

  test.each([
    ['a rate above 1', () => createSimulatedNetwork({ lossRate: 10 }), 'lossRate is 10'],
    ['a delay that is no number', () => createSimulatedNetwork({ delayMs: NaN }), 'delayMs is NaN'],
    ['half a seed', () => createSimulatedNetwork({ seed: 0.5 }), 'seed is 0.5'],
    [
      'a rate given later',
      () => {
        network.setConditions({ lossRate: -1 });
      },
      'lossRate is -1',
    ],
    ['a target with a name', () => network.createChannel('greeter:5005'), 'greeter is no IP address'],
    [
      'a host that is not there',
      () => {
        network.crash('10.9.9.9');
      },
      'there is no host at 10.9.9.9',
    ],
    ['time that goes back', () => network.sleep(-1), 'ms is -1'],
  ])('%s is refused at once', (_, refuse, message) => {
    network = createSimulatedNetwork();
    expect(refuse).toThrow(message);
  });

  test('a server cannot listen where another does, nor everywhere', async () => {
    await setUp();
    const second = network.createServer();
    await expect(second.listen(ADDRESS)).rejects.toThrow('10.0.0.1:5005: another server listens there');
    await expect(second.listen('0.0.0.0:5005')).rejects.toThrow('name one');
    await expect(second.listen('10.0.0.1:0')).resolves.toBeGreaterThan(0);
  });
});

describe('conditions', () => {
  test('calls come through a network that loses 10 %', async () => {
    const { tests } = await setUp({ lossRate: 0.1 });
    for (let call = 0; call < 100; call++) await network.run(tests.echo({ payload: PAYLOAD }));
    expect(network.stats().lost).toBeGreaterThan(10);
  });

  test('a blackout in the middle of a call ends with it, and the call goes on', async () => {
    const { tests, started } = await setUp();
    await network.run(tests.echo({}));
    const call = tests.add({ amount: 1n });
    network.setConditions({ lossRate: 1 });
    await network.advance(1_000);
    expect(started).toEqual(['echo']);
    network.setConditions({ lossRate: 0 });
    await expect(network.run(call)).resolves.toEqual({ total: 1n });
    expect(started).toEqual(['echo', 'add']);
  });

  test('each direction has its own', async () => {
    const { tests, started } = await setUp();
    network.setConditions({ lossRate: 1 }, { from: '10.0.0.1' });
    await expect(network.run(tests.echo({}, { timeoutMs: 2_000, retry: false }))).rejects.toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
    });
    expect(started).toContain('echo');
    expect(network.stats({ to: '10.0.0.1' })).toMatchObject({ lost: 0 });
    const { sent, lost, delivered } = network.stats({ from: '10.0.0.1' });
    expect([sent > 0, lost, delivered]).toEqual([true, sent, 0]);
  });

  test('of several hosts only the one that is meant is cut off', async () => {
    await setUp();
    const far = clientOf(network.createChannel(ADDRESS, { localAddress: '10.2.0.1' }));
    const near = clientOf(network.createChannel(ADDRESS, { localAddress: '10.2.0.2' }));
    network.setConditions({ lossRate: 1 }, { from: '10.2.0.1', to: '10.0.0.1' });
    await expect(network.run(far.echo({}, { timeoutMs: 500 }))).rejects.toMatchObject({
      code: Status.DEADLINE_EXCEEDED,
    });
    await expect(network.run(near.echo({ payload: PAYLOAD }))).resolves.toMatchObject({ payload: PAYLOAD });
  });
});

describe('hosts', () => {
  test('a client that moves keeps its connection', async () => {
    await setUp();
    const channel = network.createChannel(ADDRESS);
    const states: string[] = [];
    channel.on('state', ({ to }) => states.push(to));
    const tests = clientOf(channel);
    await network.run(tests.echo({}));
    network.move(channel, '10.77.0.1');
    await expect(network.run(tests.echo({ payload: PAYLOAD }))).resolves.toMatchObject({ payload: PAYLOAD });
    expect(states).toEqual(['connecting', 'ready']);
    expect(network.stats({ from: '10.77.0.1' }).delivered).toBeGreaterThan(0);
    expect(() => {
      network.move(channel, '10.0.0.1');
    }).toThrow('10.0.0.1 is another host');
  });

  test('a server that is killed and started again is found again by the same channel', async () => {
    const { tests, server, started } = await setUp();
    await network.run(tests.echo({}));
    const interrupted = tests.add({ amount: 5n }, { timeoutMs: 20_000 });
    await network.advance(50);
    expect(started).toEqual(['echo', 'add']);
    network.crash('10.0.0.1');
    await network.advance(100);
    const again: string[] = [];
    await serve(again);
    await expect(network.run(interrupted)).rejects.toMatchObject({ maybeExecuted: true });
    await expect(network.run(tests.echo({ payload: PAYLOAD }))).resolves.toMatchObject({ payload: PAYLOAD });
    expect(again).toEqual(['echo']);
    await server.shutdown();
  });

  test('nothing of a server is heard after its host crashed, also not that its calls are out of time', async () => {
    network = createSimulatedNetwork();
    const heard: string[] = [];
    const server = network.createServer();
    server.on('call', () => heard.push('call'));
    server.add(TestServiceDefinition, {
      echo: (_: EchoRequest, { signal }: { signal: AbortSignal }) => {
        heard.push('started');
        signal.addEventListener('abort', () => heard.push('aborted'));
        return new Promise(() => undefined);
      },
    } as never);
    await server.listen(ADDRESS);
    const call = clientOf().echo({}, { timeoutMs: 1_000 });
    await network.advance(100);
    network.crash('10.0.0.1');
    await expect(network.run(call)).rejects.toMatchObject({ code: Status.DEADLINE_EXCEEDED });
    await network.advance(60_000);
    expect(heard).toEqual(['started']);
  });

  test('a host that is paused answers when it goes on', async () => {
    const { tests } = await setUp();
    await network.run(tests.echo({}));
    const before = network.now();
    network.pause('10.0.0.1', 3_000);
    await network.run(tests.echo({}));
    expect(network.now() - before).toBeGreaterThanOrEqual(3_000);
  });

  test('where nobody listens a call is refused at once', async () => {
    await setUp();
    const tests = clientOf(network.createChannel('10.0.0.1:6000'));
    await expect(network.run(tests.add({}, { retry: false }))).rejects.toMatchObject({
      code: Status.UNAVAILABLE,
      maybeExecuted: false,
    });
    expect(network.now()).toBeLessThan(100);
  });

  test('a shutdown is awaited without a run', async () => {
    const { server, tests } = await setUp();
    const call = tests.echo({ payload: PAYLOAD, delayMs: 1_000 });
    await network.advance(500);
    await server.shutdown();
    await expect(call).resolves.toMatchObject({ payload: PAYLOAD });
    await expect(network.run(tests.echo({}, { retry: false }))).rejects.toMatchObject({
      code: Status.UNAVAILABLE,
    });
  });
});

describe('a call', () => {
  test('is cancelled by its signal in virtual time, and its handler hears of it', async () => {
    network = createSimulatedNetwork();
    const heard: number[] = [];
    const warnings: string[] = [];
    const server = network.createServer({ warn: (line) => warnings.push(line) });
    server.add(TestServiceDefinition, {
      echo: async (_: EchoRequest, { signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => heard.push(network.now()));
        await network.sleep(60_000, signal);
      },
    } as never);
    await server.listen(ADDRESS);
    const controller = new AbortController();
    const call = clientOf().echo({}, { signal: controller.signal });
    await network.advance(100);
    controller.abort();
    await expect(network.run(call)).rejects.toMatchObject({ name: 'AbortError' });
    await network.advance(10);
    expect(heard).toEqual([101]);
    expect(warnings).toEqual([]);
  });
});

describe('the same seed', () => {
  async function hashOf(seed: number): Promise<string> {
    const { tests } = await setUp({ seed, lossRate: 0.1, jitterMs: 30 });
    const calls = Array.from({ length: 50 }, (_, index) => tests.echo({ delayMs: index * 3 }));
    await network.run(Promise.all(calls));
    await network.close();
    return network.trace.hash;
  }

  test('gives the same run, and another seed another one', async () => {
    const first = await hashOf(7);
    expect(await hashOf(7)).toBe(first);
    expect(await hashOf(8)).not.toBe(first);
  });
});

describe('close', () => {
  test('cancels what is open, ends what is run, and leaves nothing behind', async () => {
    const { tests } = await setUp();
    const call = network.run(tests.echo({ delayMs: 60_000 }));
    const never = network.run(new Promise<void>(() => undefined));
    const outcomes = Promise.allSettled([call, never]);
    await network.close();
    expect(await outcomes).toMatchObject([
      { reason: { code: Status.CANCELLED } },
      {
        reason: { message: expect.stringContaining('still unsettled when the network was closed') as string },
      },
    ]);
    expect(() => network.createServer()).toThrow('the network was closed');
    expect(() => network.createChannel(ADDRESS)).toThrow('the network was closed');
  });

  test('happens by itself at the end of `await using`', async () => {
    await setUp();
    let channel;
    {
      await using own = createSimulatedNetwork();
      channel = own.createChannel(ADDRESS);
    }
    expect(channel.state).toBe('closed');
  });
});
