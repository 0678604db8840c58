import { Status } from 'nice-grpc-common';
import {
  type Resolver,
  type ResolverListener,
  type RpcError,
  type ServerStateChange,
} from '../../src/index.js';
import {
  BalancedNetwork,
  callInTurn,
  PAYLOAD,
  serverStatesOf,
  TestResolver,
  THREE,
} from '../support/balanced-network.js';

let world: BalancedNetwork;

beforeEach(() => {
  world = new BalancedNetwork();
});

afterEach(() => world.network.close());

describe('a channel to several servers', () => {
  test('gives each its turn, and all of them are connected after the first call', async () => {
    const servers = await world.serve(1, 2, 3);
    const { channel, client } = world.client(THREE);
    await world.network.run(client.echo({ payload: PAYLOAD }));
    await world.network.advance(100);
    await world.network.run(callInTurn(client, 299));
    const counts = servers.map(({ calls }) => calls);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(99);
    expect(Math.max(...counts)).toBeLessThanOrEqual(101);
    expect(serverStatesOf(channel)).toEqual(THREE.map((address) => `${address} ready`));
    expect(channel.servers().map(({ attempts, inFlight }) => [attempts, inFlight])).toEqual(
      servers.map(({ calls }) => [calls, 0]),
    );
  });

  test('is ready when one of its servers is, and idle when none is', async () => {
    await world.serve(2);
    const { channel, client } = world.client(THREE);
    const states: string[] = [];
    channel.on('state', ({ from, to }) => states.push(`${from}>${to}`));
    await world.network.run(client.echo({ payload: PAYLOAD }));
    expect(channel.state).toBe('ready');
    await world.network.advance(120_000);
    expect(states).toEqual(['idle>connecting', 'connecting>ready', 'ready>idle']);
    await world.network.run(channel.close());
    expect(channel.state).toBe('closed');
  });

  test('tells of each server what becomes of it', async () => {
    const [first] = await world.serve(1, 2);
    world.crash(first);
    const { channel, client } = world.client(THREE.slice(0, 2));
    const told: ServerStateChange[] = [];
    channel.on('server', (change) => told.push(change));
    await world.network.run(client.echo({ payload: PAYLOAD }));
    expect(told.slice(0, 4).map(({ address, to }) => `${address} ${to}`)).toEqual([
      '10.0.0.1:5005 connecting',
      '10.0.0.2:5005 connecting',
      '10.0.0.1:5005 idle',
      '10.0.0.2:5005 ready',
    ]);
    expect(told[2]?.reason).toBe('10.0.0.1:5005 refused');
  });

  test('fails a call when none can be reached, naming each, and one that waits for ready does not fail', async () => {
    for (const server of await world.serve(1, 2, 3)) world.crash(server);
    const { client } = world.client(THREE);
    const call = world.network.run(client.echo({ payload: PAYLOAD }, { retry: false }));
    await expect(call).rejects.toMatchObject({
      code: Status.UNAVAILABLE,
      details:
        'none of the 3 servers of 10.0.0.1:5005,10.0.0.2:5005,10.0.0.3:5005 can be reached: ' +
        '10.0.0.1:5005 refused; 10.0.0.2:5005 refused; 10.0.0.3:5005 refused',
    });
    const waiting = client.echo({ payload: PAYLOAD }, { waitForReady: true });
    await world.network.advance(5_000);
    await world.serve(3);
    await expect(world.network.run(waiting)).resolves.toEqual({ payload: PAYLOAD });
  });

  test('a server that falls silent in the middle of 600 idempotent calls fails none of them', async () => {
    const servers = await world.serve(1, 2, 3);
    const { client } = world.client(THREE);
    let left = 600;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        if (left === 300) world.cut(servers[1]);
        await client.echo({ payload: PAYLOAD });
      }
    };
    await world.network.run(Promise.all(Array.from({ length: 16 }, work)));
    const after = servers.map(({ calls }) => calls);
    expect((after[0] ?? 0) + (after[2] ?? 0)).toBeGreaterThan(450);
    expect(after[1]).toBeGreaterThan(75);
  });

  test('calls that were with a silent server are made again elsewhere within 1.2 s', async () => {
    const servers = await world.serve(1, 2);
    const { client } = world.client(THREE.slice(0, 2));
    await world.network.run(callInTurn(client, 10));
    world.cut(servers[0]);
    const begun = world.network.now();
    await world.network.run(Promise.all(Array.from({ length: 10 }, () => client.echo({ payload: PAYLOAD }))));
    expect(world.network.now() - begun).toBeLessThan(1_200);
  });

  test('[AMO-3] a call that must not run twice is not given to another server when it may have run', async () => {
    const servers = await world.serve(1, 2);
    const { channel, client } = world.client(THREE.slice(0, 2));
    await world.network.run(callInTurn(client, 10));
    const calls = Array.from({ length: 4 }, (_, i) =>
      client.add({ key: `${i}`, amount: 50n }, { timeoutMs: 8_000 }),
    );
    const ends = Promise.allSettled(calls);
    await world.network.advance(20);
    expect(servers.map(({ adds }) => adds)).toEqual([2, 2]);
    world.crash(servers[0]);
    const settled = await world.network.run(ends);
    expect(servers.map(({ adds }) => adds)).toEqual([2, 2]);
    expect(settled.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    const errors = settled.flatMap((end) => (end.status === 'rejected' ? [end.reason as RpcError] : []));
    expect(errors.map(({ maybeExecuted }) => maybeExecuted)).toEqual([true, true]);
    expect(channel.state).toBe('ready');
  });

  test('[AMO-3] it is asked for again where it ran, and only there', async () => {
    const servers = await world.serve(1, 2);
    const { client } = world.client(THREE.slice(0, 2), { transport: { idleTimeoutMs: 3_000 } });
    await world.network.run(callInTurn(client, 10));
    const calls = Array.from({ length: 4 }, (_, i) => client.add({ key: `${i}`, amount: 100n }));
    await world.network.advance(20);
    world.cut(servers[0]);
    await world.network.advance(4_000);
    world.network.setConditions({ lossRate: 0 }, { to: '10.0.0.1' });
    world.network.setConditions({ lossRate: 0 }, { from: '10.0.0.1' });
    await world.network.run(Promise.all(calls));
    expect(servers.map(({ adds }) => adds)).toEqual([2, 2]);
  });

  test('[AMO-3] it is asked for nowhere when the server where it may have run is not named any more', async () => {
    const servers = await world.serve(1, 2);
    const resolver = new TestResolver(THREE.slice(0, 2));
    const { client } = world.client('10.9.9.9', { resolver, transport: { idleTimeoutMs: 3_000 } });
    await world.network.run(callInTurn(client, 10));
    const ends = Promise.allSettled([0, 1].map((i) => client.add({ key: `${i}`, amount: 100n })));
    await world.network.advance(20);
    expect(servers.map(({ adds }) => adds)).toEqual([1, 1]);
    world.cut(servers[0]);
    resolver.say(THREE.slice(1, 2));
    const settled = await world.network.run(ends);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const error = settled.flatMap((end) => (end.status === 'rejected' ? [end.reason as RpcError] : []))[0];
    expect(error).toMatchObject({
      code: Status.UNAVAILABLE,
      details:
        'the server that may have run the call is not among the servers any more: look before making it again',
      maybeExecuted: true,
    });
    expect(servers.map(({ adds }) => adds)).toEqual([1, 1]);
  });

  test('an attempt of a call that failed on a server goes to another', async () => {
    const servers = await world.serve(1, 2, 3);
    const { client } = world.client(THREE, { balancing: { outlierEjection: false } });
    await world.network.run(callInTurn(client, 6));
    for (const server of servers.slice(0, 2)) server.failsWith = Status.UNAVAILABLE;
    const before = servers.map(({ calls }) => calls);
    await world.network.run(callInTurn(client, 30));
    const [first = 0, second = 0, third = 0] = servers.map(({ calls }, i) => calls - (before[i] ?? 0));
    expect(third).toBe(30);
    // Never twice on the same.
    expect(Math.max(first, second)).toBeLessThanOrEqual(30);
  });

  test('a hedge goes to another server', async () => {
    const servers = await world.serve(1, 2, 3);
    const { client } = world.client(THREE);
    await world.network.run(callInTurn(client, 6));
    for (const server of servers) server.delayMs = 1_000;
    const before = servers.map(({ calls }) => calls);
    await world.network.run(client.echo({ payload: PAYLOAD }, { hedge: { attempts: 3, delayMs: 50 } }));
    expect(servers.map(({ calls }, i) => calls - (before[i] ?? 0))).toEqual([1, 1, 1]);
  });

  test('errors name the server of each attempt', async () => {
    const servers = await world.serve(1, 2);
    const { client } = world.client(THREE.slice(0, 2), { balancing: { outlierEjection: false } });
    for (const server of servers) server.failsWith = Status.UNAVAILABLE;
    const call = client.echo({ payload: PAYLOAD }, { retry: { attempts: 2 } });
    const error = await world.network.run(
      call.then(
        () => undefined,
        (reason: unknown) => reason as RpcError,
      ),
    );
    expect(error?.history.map(({ peer }) => peer).sort()).toEqual(THREE.slice(0, 2));
  });
});

describe('servers that come and go', () => {
  test('a new one gets its share at once, a removed one no more calls, and its calls end well', async () => {
    const servers = await world.serve(1, 2, 3);
    const resolver = new TestResolver(THREE.slice(0, 2));
    const { channel, client } = world.client('10.9.9.9', { resolver });
    await world.network.run(callInTurn(client, 10));
    resolver.say(THREE);
    await world.network.advance(50);
    await world.network.run(callInTurn(client, 30));
    expect(servers[2].calls).toEqual(10);
    const slow = Array.from({ length: 3 }, () => client.echo({ payload: PAYLOAD, delayMs: 500 }));
    await world.network.advance(20);
    resolver.say(THREE.slice(1));
    const before = servers[0].calls;
    await world.network.run(callInTurn(client, 20));
    expect(servers[0].calls).toBe(before);
    expect(serverStatesOf(channel)).toEqual(THREE.slice(1).map((address) => `${address} ready`));
    await world.network.run(Promise.all(slow));
  });

  test('the last answer holds when there is no new one', async () => {
    await world.serve(1);
    const resolver = new TestResolver(['10.0.0.1:5005']);
    const { channel, client } = world.client('10.9.9.9', { resolver });
    await world.network.run(callInTurn(client, 1));
    const errors: string[] = [];
    channel.on('resolverError', (reason) => errors.push(reason));
    resolver.fail('no name server answered');
    resolver.say([]);
    await world.network.run(callInTurn(client, 3));
    expect(errors).toEqual(['no name server answered', 'there is no server']);
    expect(serverStatesOf(channel)).toEqual(['10.0.0.1:5005 ready']);
  });

  test('without any answer calls fail with the reason, and those that wait for ready wait', async () => {
    await world.serve(1);
    const resolver = new TestResolver([]);
    const { client } = world.client('10.9.9.9', { resolver });
    const call = client.echo({ payload: PAYLOAD }, { retry: false });
    const waiting = client.echo({ payload: PAYLOAD }, { waitForReady: true });
    resolver.fail('shop is not a known name');
    await expect(world.network.run(call)).rejects.toMatchObject({
      code: Status.UNAVAILABLE,
      details: '10.9.9.9: shop is not a known name',
    });
    resolver.say(['10.0.0.1:5005']);
    await expect(world.network.run(waiting)).resolves.toEqual({ payload: PAYLOAD });
  });

  test('a resolver that cannot be asked again lets calls fail at once, and those that wait for ready wait', async () => {
    await world.serve(1);
    let tell: ResolverListener | undefined;
    const resolver: Resolver = {
      watch: (listener) => {
        tell = listener;
        return { stop: () => undefined };
      },
    };
    const { client } = world.client('10.9.9.9', { resolver });
    const first = client.echo({ payload: PAYLOAD }, { retry: false });
    tell?.onError('the file is empty');
    await expect(world.network.run(first)).rejects.toMatchObject({ details: '10.9.9.9: the file is empty' });
    const waiting = client.echo({ payload: PAYLOAD }, { waitForReady: true, retry: false });
    const begun = world.network.now();
    const second = world.network.run(client.echo({ payload: PAYLOAD }, { retry: false }));
    await expect(second).rejects.toMatchObject({ details: '10.9.9.9: the file is empty' });
    expect(world.network.now()).toBe(begun);
    tell?.onServers([{ address: '10.0.0.1:5005' }]);
    await expect(world.network.run(waiting)).resolves.toEqual({ payload: PAYLOAD });
  });

  test('what a resolver throws is the reason why calls fail, and the next call tries it again', async () => {
    await world.serve(1);
    let watches = 0;
    const resolver = new TestResolver(['10.0.0.1:5005']);
    const failing: Resolver = {
      watch: (listener) => {
        watches += 1;
        if (watches === 1) throw new Error('no such catalogue');
        return resolver.watch(listener);
      },
    };
    const { client } = world.client('10.9.9.9', { resolver: failing });
    const call = world.network.run(client.echo({ payload: PAYLOAD }, { retry: false }));
    await expect(call).rejects.toMatchObject({
      code: Status.UNAVAILABLE,
      details: '10.9.9.9: the resolver failed: no such catalogue',
    });
    await world.network.run(callInTurn(client, 1));
    expect(watches).toBe(2);
  });

  test('it is tried again after 1 s for calls that wait for ready, and has to return what ends the watch', async () => {
    await world.serve(1);
    const resolver = new TestResolver(['10.0.0.1:5005']);
    let watches = 0;
    const failing = {
      watch: (listener: ResolverListener) => {
        watches += 1;
        return watches <= 2 ? undefined : resolver.watch(listener);
      },
    };
    const { channel, client } = world.client('10.9.9.9', { resolver: failing as Resolver });
    const errors: string[] = [];
    channel.on('resolverError', (reason) => errors.push(reason));
    const begun = world.network.now();
    await world.network.run(client.echo({ payload: PAYLOAD }, { waitForReady: true }));
    expect(world.network.now() - begun).toBeGreaterThanOrEqual(2_000);
    expect(errors).toEqual(
      new Array(2).fill('the resolver failed: watch(listener) has to return { stop() }'),
    );
  });

  test('a call that waits for its only server goes to the one that takes its place', async () => {
    await world.serve(2);
    const resolver = new TestResolver(['10.0.0.1:5005']);
    const { client } = world.client('10.9.9.9', { resolver, balancing: { policy: 'consistent_hash' } });
    const options = { hashKey: 'key', retry: false } as const;
    const patient = client.echo({ payload: PAYLOAD }, { ...options, waitForReady: true });
    const undeclared = client.add({ key: 'key', amount: 0n }, options);
    await world.network.advance(1);
    resolver.say(['10.0.0.2:5005']);
    const answers = await world.network.run(Promise.all([patient, undeclared]));
    expect(answers).toEqual([{ payload: PAYLOAD }, { total: 1n }]);
  });

  test('what a resolver says wrongly is told, and the rest of it counts', async () => {
    await world.serve(1);
    const resolver = new TestResolver([
      { address: '10.0.0.2:5005', weight: 0 },
      'nonsense:x',
      '10.0.0.1:5005',
    ]);
    const { channel, client } = world.client('10.9.9.9', { resolver });
    const errors: string[] = [];
    channel.on('resolverError', (reason) => errors.push(reason));
    await world.network.run(callInTurn(client, 1));
    expect(serverStatesOf(channel)).toEqual(['10.0.0.1:5005 ready']);
    resolver.say([{ address: '10.0.0.2:5005', weight: Number.NaN }]);
    await world.network.run(callInTurn(client, 1));
    expect(errors).toEqual([
      '10.0.0.2:5005: weight is 0: it takes a number above 0',
      '10.0.0.2:5005: weight is NaN: it takes a number above 0',
    ]);
  });

  test('it is asked again when a server is lost, and not watched while there is nothing to do', async () => {
    const servers = await world.serve(1, 2);
    const resolver = new TestResolver(THREE.slice(0, 2));
    const { client } = world.client('10.9.9.9', { resolver });
    expect(resolver.isWatched).toBe(false);
    await world.network.run(callInTurn(client, 4));
    expect([resolver.isWatched, resolver.refreshes]).toEqual([true, 0]);
    world.crash(servers[0]);
    await world.network.run(callInTurn(client, 4));
    await world.network.advance(2_000);
    expect(resolver.refreshes).toBeGreaterThan(0);
    await world.network.advance(120_000);
    expect(resolver.isWatched).toBe(false);
    await world.network.run(callInTurn(client, 1));
    expect(resolver.isWatched).toBe(true);
  });

  test('a higher priority number is used only while none of a lower one can be', async () => {
    const servers = await world.serve(1, 2);
    const resolver = new TestResolver([
      { address: '10.0.0.2:5005', priority: 2 },
      { address: '10.0.0.1:5005', priority: 1 },
    ]);
    const { client } = world.client('10.9.9.9', { resolver });
    await world.network.run(callInTurn(client, 10));
    expect(servers.map(({ calls }) => calls)).toEqual([10, 0]);
    world.crash(servers[0]);
    await world.network.run(callInTurn(client, 10));
    expect(servers[1].calls).toBeGreaterThanOrEqual(10);
    const [again] = await world.serve(1);
    await world.network.run(callInTurn(client, 1));
    await world.network.advance(8_000);
    await world.network.run(callInTurn(client, 1));
    await world.network.advance(100);
    const before = servers[1].calls;
    await world.network.run(callInTurn(client, 10));
    expect(again.calls).toBeGreaterThanOrEqual(10);
    expect(servers[1].calls).toBe(before);
  });
});
