import fc from 'fast-check';
import { Metadata } from 'nice-grpc-common';
import { ConsistentHash } from '../../../../src/rpc/balancing/consistent-hash.js';
import { Latency } from '../../../../src/rpc/balancing/latency.js';
import { type BalancingOptions, resolveBalancing } from '../../../../src/rpc/balancing/policies.js';
import { type PickableServer, type PickedCall } from '../../../../src/rpc/balancing/policy.js';
import { PickFirst } from '../../../../src/rpc/balancing/pick-first.js';
import { PowerOfTwo } from '../../../../src/rpc/balancing/power-of-two.js';
import { RoundRobin } from '../../../../src/rpc/balancing/round-robin.js';
import { SeededRandom } from '../../../../src/sim/seeded-random.js';

const CALL: PickedCall = { path: 'shop.v1.Shop/Buy', hashKey: undefined, metadata: undefined };
const random = new SeededRandom(5);

function server(address: string, facts: Partial<PickableServer> = {}): PickableServer {
  return { address, weight: 1, inFlight: 0, latencyMs: undefined, ...facts };
}

function servers(count: number): PickableServer[] {
  return Array.from({ length: count }, (_, i) => server(`10.0.0.${i}:5005`));
}

function countsOf(picks: readonly PickableServer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { address } of picks) counts[address] = (counts[address] ?? 0) + 1;
  return counts;
}

describe('pick_first', () => {
  test('stays with the one it has, wherever that stands, and takes the first when it is gone', () => {
    const policy = new PickFirst();
    const [a, b, c] = servers(3) as [PickableServer, PickableServer, PickableServer];
    expect(policy.pick([b, c])).toBe(b);
    expect(policy.pick([a, b, c])).toBe(b);
    expect(policy.pick([c, a])).toBe(c);
  });
});

describe('round_robin', () => {
  test('gives each its turn before any has a second one', () => {
    const policy = new RoundRobin(random);
    const all = servers(5);
    for (let round = 0; round < 3; round++) {
      expect(new Set(all.map(() => policy.pick(all)))).toEqual(new Set(all));
    }
  });

  test('gives each as many turns as its weight says, spread evenly', () => {
    const policy = new RoundRobin(random);
    const all = [server('a', { weight: 5 }), server('b', { weight: 1 }), server('c', { weight: 1 })];
    const names = Array.from({ length: 7 }, () => policy.pick(all).address).join('');
    expect(names).toBe('aabacaa');
  });

  test('does not begin with the same server on every client', () => {
    const all = servers(8);
    const first = Array.from({ length: 100 }, () => new RoundRobin(random).pick(all));
    expect(new Set(first).size).toBe(8);
  });
});

describe('power_of_two', () => {
  test('takes the one of two that has less to do, by weight, and is quicker', () => {
    const policy = new PowerOfTwo(random);
    const pickOf = (...pair: PickableServer[]): string[] => [
      ...new Set(Array.from({ length: 40 }, () => policy.pick(pair).address)),
    ];
    expect(pickOf(server('a', { inFlight: 3 }), server('b', { inFlight: 2 }))).toEqual(['b']);
    expect(pickOf(server('a', { inFlight: 3, weight: 4 }), server('b', { inFlight: 2 }))).toEqual(['a']);
    expect(pickOf(server('a', { latencyMs: 9 }), server('b', { latencyMs: 5 }))).toEqual(['b']);
    // Of a new one nothing is known yet: its attempts in flight decide.
    expect(pickOf(server('a', { latencyMs: 9, inFlight: 1 }), server('b'))).toEqual(['b']);
  });

  test('of many equal ones it takes all, and the only one where there is one', () => {
    const policy = new PowerOfTwo(random);
    const all = servers(6);
    expect(new Set(Array.from({ length: 500 }, () => policy.pick(all))).size).toBe(6);
    expect(policy.pick(all.slice(0, 1))).toBe(all[0]);
  });
});

describe('consistent_hash', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
  const owners = (all: readonly PickableServer[]): string[] => {
    const policy = new ConsistentHash(random, undefined);
    return keys.map((hashKey) => policy.pick(all, { ...CALL, hashKey }).address);
  };

  test('a server that goes moves its own keys and no others, and they go to all that are left', () => {
    const all = servers(10);
    const before = owners(all);
    const after = owners(all.slice(1));
    const moved = after.filter((owner, i) => owner !== before[i]);
    expect(moved).toHaveLength(before.filter((owner) => owner === '10.0.0.0:5005').length);
    expect(moved.length / keys.length).toBeCloseTo(0.1, 1);
    expect(new Set(moved).size).toBe(9);
  });

  test('a server that comes takes its share, and nothing else moves', () => {
    const before = owners(servers(9));
    const after = owners(servers(10));
    const moved = after.filter((owner, i) => owner !== before[i]);
    expect(new Set(moved)).toEqual(new Set(['10.0.0.9:5005']));
    expect(moved.length / keys.length).toBeCloseTo(0.1, 1);
  });

  test('no server has more than 5 % above its share, with weights too', () => {
    for (const count of Object.values(countsOf(owners(servers(10)).map((address) => server(address))))) {
      expect(count).toBeLessThan((keys.length / 10) * 1.05);
    }
    const weighted = [server('a', { weight: 3 }), server('b', { weight: 1 })];
    const shareOfA = owners(weighted).filter((owner) => owner === 'a').length / keys.length;
    expect(shareOfA).toBeGreaterThan(0.74);
    expect(shareOfA).toBeLessThan(0.76);
  });

  test('the order of the servers does not matter', () => {
    fc.assert(
      fc.property(fc.string(), fc.shuffledSubarray(servers(7), { minLength: 7 }), (hashKey, shuffled) => {
        const one = new ConsistentHash(random, undefined).pick(servers(7), { ...CALL, hashKey });
        const other = new ConsistentHash(random, undefined).pick(shuffled, { ...CALL, hashKey });
        expect(other.address).toBe(one.address);
      }),
    );
  });

  test('the key is the call option, else the metadata header, else there is none', () => {
    const policy = new ConsistentHash(random, 'x-user');
    const all = servers(50);
    const ofOption = policy.pick(all, { ...CALL, hashKey: 'ada' });
    const ofHeader = policy.pick(all, { ...CALL, metadata: Metadata({ 'x-user': 'ada' }) });
    const ofBoth = policy.pick(all, { ...CALL, hashKey: 'ada', metadata: Metadata({ 'x-user': 'bob' }) });
    expect([ofHeader, ofBoth]).toEqual([ofOption, ofOption]);
    expect(new Set(Array.from({ length: 100 }, () => policy.pick(all, CALL))).size).toBeGreaterThan(20);
  });
});

test('a latency jumps up at once and comes down over ten seconds', () => {
  const latency = new Latency();
  expect(latency.meanMs).toBeUndefined();
  latency.onAnswer(10, 0);
  latency.onAnswer(100, 1);
  expect(latency.meanMs).toBe(100);
  for (let at = 2; at < 10_002; at += 10) latency.onAnswer(10, at);
  expect(latency.meanMs).toBeCloseTo(10 + 90 / Math.E, 0);
});

describe('what a user may say', () => {
  test.each<[unknown, string]>([
    [null, "balancing is null: it takes an object, as { policy: 'round_robin' }"],
    [
      { policy: 'random' },
      "balancing.policy is \"random\": it takes 'pick_first', 'round_robin', 'power_of_two', " +
        "'consistent_hash', or an object with pick(servers, call)",
    ],
    [{ hashHeader: 'x-user' }, "balancing.hashHeader is for policy: 'consistent_hash'"],
    [
      { outlierEjection: { maxEjectedShare: 2 } },
      'balancing.outlierEjection.maxEjectedShare is 2: it takes a number, from 0 to 1',
    ],
  ])('%j is refused', (options, message) => {
    expect(() => resolveBalancing(options as BalancingOptions, random)).toThrow(new RangeError(message));
  });
});
