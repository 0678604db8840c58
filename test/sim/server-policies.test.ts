import { Status } from 'nice-grpc-common';
import { BalancedNetwork, callInTurn, PAYLOAD, serverStatesOf, THREE } from '../support/balanced-network.js';

let world: BalancedNetwork;

beforeEach(() => {
  world = new BalancedNetwork();
});

afterEach(() => world.network.close());

function firstOf<Item>(items: readonly Item[]): Item {
  const [first] = items;
  if (first === undefined) throw new Error('a policy is offered one server at least');
  return first;
}

describe('policies', () => {
  test('pick_first uses the first that answers, and goes on to the next when it is lost', async () => {
    const [first, ...servers] = await world.serve(1, 2, 3);
    world.crash(first);
    const { channel, client } = world.client(THREE, { balancing: { policy: 'pick_first' } });
    const begun = world.network.now();
    await world.network.run(callInTurn(client, 1));
    // It was refused by the first, and does not wait for the time after which another is tried beside it.
    expect(world.network.now() - begun).toBeLessThan(100);
    await world.network.run(callInTurn(client, 9));
    expect(servers.map(({ calls }) => calls)).toEqual([10, 0]);
    expect(serverStatesOf(channel)).toEqual([
      '10.0.0.1:5005 idle',
      '10.0.0.2:5005 ready',
      '10.0.0.3:5005 idle',
    ]);
    world.crash(servers[0]);
    await world.network.run(callInTurn(client, 10));
    expect(servers[1].calls).toBe(10);
  });

  test('pick_first does not wait for a silent one: the next is tried after 250 ms', async () => {
    const servers = await world.serve(1, 2);
    world.cut(servers[0]);
    const { client } = world.client(THREE.slice(0, 2), { balancing: { policy: 'pick_first' } });
    const begun = world.network.now();
    await world.network.run(callInTurn(client, 1));
    expect(world.network.now() - begun).toBeLessThan(300);
  });

  test('pick_first begins with the first again when the one it has is lost', async () => {
    const servers = await world.serve(1, 2);
    world.crash(servers[0]);
    const { channel, client } = world.client(THREE.slice(0, 2), { balancing: { policy: 'pick_first' } });
    await world.network.run(callInTurn(client, 1));
    await world.serve(1);
    const connecting: string[] = [];
    channel.on('server', ({ address, to }) => {
      if (to === 'connecting') connecting.push(address);
    });
    world.cut(servers[1]);
    await world.network.run(callInTurn(client, 2));
    expect(connecting).toEqual(['10.0.0.1:5005']);
  });

  test('power_of_two spares a server that is slow', async () => {
    const servers = await world.serve(1, 2, 3);
    servers[0].delayMs = 100;
    const { client } = world.client(THREE, { balancing: { policy: 'power_of_two' } });
    const work = (): Promise<void> => callInTurn(client, 100);
    await world.network.run(Promise.all(Array.from({ length: 8 }, work)));
    const [slow = 0, ...others] = servers.map(({ calls }) => calls);
    expect(slow).toBeLessThan(80);
    for (const calls of others) expect(calls).toBeGreaterThan(250);
  });

  test('consistent_hash keeps a key where it is, and moves it elsewhere only while its server is gone', async () => {
    const servers = await world.serve(1, 2, 3);
    const options = { balancing: { policy: 'consistent_hash' } as const };
    const { client } = world.client(THREE, options);
    const placeOf = async (key: string): Promise<number> => {
      const before = servers.map(({ calls }) => calls);
      await client.echo({ payload: PAYLOAD }, { hashKey: key });
      return servers.findIndex(({ calls }, i) => calls > (before[i] ?? 0));
    };
    const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`);
    const placesOf = async (): Promise<number[]> => {
      const places: number[] = [];
      for (const key of keys) places.push(await placeOf(key));
      return places;
    };
    const before = await world.network.run(placesOf());
    expect(new Set(before)).toEqual(new Set([0, 1, 2]));
    const { client: other } = world.client([...THREE].reverse(), options);
    const calls = servers.map((server) => server.calls);
    await world.network.run(other.echo({ payload: PAYLOAD }, { hashKey: 'key 0' }));
    expect(servers.findIndex((server, i) => server.calls > (calls[i] ?? 0))).toBe(before[0]);
    world.crash(servers[1]);
    const during = await world.network.run(placesOf());
    expect(during.filter((place, i) => place !== before[i] && before[i] !== 1)).toEqual([]);
    expect(during).not.toContain(1);
  });

  test('consistent_hash gives what waits for a server that cannot be reached to another, at no attempt’s cost', async () => {
    const servers = await world.serve(1, 2, 3);
    world.crash(servers[1]);
    const { channel, client } = world.client(THREE, { balancing: { policy: 'consistent_hash' } });
    const calls = Array.from({ length: 30 }, (_, i) =>
      client.add({ key: 'key', amount: 0n }, { hashKey: `key ${i}`, retry: false }),
    );
    await world.network.run(Promise.all(calls));
    const adds = servers.map((server) => server.adds);
    expect(adds[1]).toBe(0);
    expect(channel.servers().map(({ attempts, inFlight }) => [attempts, inFlight])).toEqual(
      adds.map((count) => [count, 0]),
    );
  });

  test("a policy of one's own picks, and a mistake of it is told to the caller", async () => {
    const servers = await world.serve(1, 2, 3);
    const seen: string[] = [];
    const { client } = world.client(THREE, {
      balancing: {
        policy: {
          pick: (offered, { path }) => {
            seen.push(path);
            if (seen.length > 5) throw new Error('out of ideas');
            return offered.find(({ address }) => address.startsWith('10.0.0.2')) ?? firstOf(offered);
          },
        },
      },
    });
    await world.network.run(callInTurn(client, 1));
    await world.network.advance(50);
    await world.network.run(callInTurn(client, 4));
    expect(servers[1].calls).toBeGreaterThanOrEqual(4);
    expect(seen[0]).toBe('test.v1.TestService/Echo');
    await expect(world.network.run(callInTurn(client, 1))).rejects.toMatchObject({
      code: Status.INTERNAL,
      details: 'the balancing policy failed: out of ideas',
    });
  });
});

describe('outlier ejection', () => {
  test('a server that fails five calls in a row gets none for a while, and comes back by one good call', async () => {
    const servers = await world.serve(1, 2, 3);
    const { channel, client } = world.client(THREE);
    const told: string[] = [];
    channel.on('server', ({ address, to, reason }) => {
      if (to === 'ejected') told.push(`${address}: ${reason}`);
    });
    await world.network.run(callInTurn(client, 30));
    servers[0].failsWith = Status.UNAVAILABLE;
    await world.network.run(callInTurn(client, 60));
    expect(told).toEqual(['10.0.0.1:5005: it fails one call after the other']);
    const ejectedAt = servers[0].calls;
    await world.network.run(callInTurn(client, 60));
    expect(servers[0].calls).toBe(ejectedAt);
    expect(channel.servers().map(({ isEjected }) => isEjected)).toEqual([true, false, false]);
    await world.network.advance(5_000);
    await world.network.run(callInTurn(client, 30));
    // One probe, which failed: out for twice as long.
    expect(servers[0].calls).toBe(ejectedAt + 1);
    servers[0].failsWith = undefined;
    await world.network.advance(5_000);
    await world.network.run(callInTurn(client, 30));
    expect(servers[0].calls).toBe(ejectedAt + 1);
    await world.network.advance(5_000);
    await world.network.run(callInTurn(client, 30));
    expect(servers[0].calls).toBeGreaterThan(ejectedAt + 8);
    expect(channel.servers()[0]).toMatchObject({ isEjected: false, ejections: 2 });
  });

  test('one that gives no answer in time is ejected too', async () => {
    const servers = await world.serve(1, 2, 3);
    const { channel, client } = world.client(THREE);
    await world.network.run(callInTurn(client, 3));
    servers[0].delayMs = 10_000;
    const calls = Array.from({ length: 20 }, () =>
      client.echo({ payload: PAYLOAD }, { attemptTimeoutMs: 100 }),
    );
    await world.network.run(Promise.all(calls));
    expect(channel.servers().map(({ isEjected }) => isEjected)).toEqual([true, false, false]);
  });

  test('its probe is not a call that must not run twice, as long as others may be it', async () => {
    const servers = await world.serve(1, 2, 3);
    const { client } = world.client(THREE);
    servers[0].failsWith = Status.UNAVAILABLE;
    await world.network.run(callInTurn(client, 30));
    const addInTurn = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await client.add({ key: 'key', amount: 0n });
    };
    await world.network.advance(5_000);
    await world.network.run(addInTurn(30));
    expect(servers[0].adds).toBe(0);
    await world.network.advance(5_000);
    await world.network.run(addInTurn(30));
    expect(servers[0].adds).toBeGreaterThan(0);
  });

  test('no more than half of them are ejected', async () => {
    const servers = await world.serve(1, 2, 3);
    const { channel, client } = world.client(THREE);
    for (const server of servers) server.failsWith = Status.UNAVAILABLE;
    for (let i = 0; i < 60; i++) {
      await world.network.run(client.echo({ payload: PAYLOAD }, { retry: false }).catch(() => undefined));
    }
    expect(channel.servers().filter(({ isEjected }) => isEjected)).toHaveLength(1);
  });

  test('a slow one is ejected where that is asked for', async () => {
    const servers = await world.serve(1, 2, 3);
    servers[1].delayMs = 200;
    const { channel, client } = world.client(THREE, { balancing: { outlierEjection: { latencyFactor: 4 } } });
    await world.network.run(callInTurn(client, 60));
    expect(channel.servers().map(({ isEjected }) => isEjected)).toEqual([false, true, false]);
  });
});
