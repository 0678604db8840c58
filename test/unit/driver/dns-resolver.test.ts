import { type SrvRecord } from 'node:dns';
import { type AddressRecord, DnsResolver, type NameServers } from '../../../src/driver/dns-resolver.js';
import { type ServerAddress } from '../../../src/rpc/balancing/resolver.js';
import { ManualClock, settle } from '../../support/manual-clock.js';
import { ScriptedRandom } from '../../support/scripted-random.js';

/** Answers what the test says; what it does not say has no record. */
class ScriptedNames implements NameServers {
  readonly v4 = new Map<string, readonly AddressRecord[] | string>();
  readonly v6 = new Map<string, readonly AddressRecord[] | string>();
  readonly srv = new Map<string, readonly SrvRecord[] | string>();
  questions = 0;
  cancelled = 0;

  resolve4(name: string): Promise<readonly AddressRecord[]> {
    this.questions++;
    return answer(this.v4.get(name));
  }

  resolve6(name: string): Promise<readonly AddressRecord[]> {
    return answer(this.v6.get(name));
  }

  resolveSrv(name: string): Promise<readonly SrvRecord[]> {
    return answer(this.srv.get(name));
  }

  cancel(): void {
    this.cancelled += 1;
  }
}

function answer<Record>(records: readonly Record[] | string | undefined): Promise<readonly Record[]> {
  if (typeof records === 'object') return Promise.resolve(records);
  return Promise.reject(Object.assign(new Error('query'), { code: records ?? 'ENODATA' }));
}

class Fixture {
  readonly clock = new ManualClock();
  readonly names = new ScriptedNames();
  readonly random = new ScriptedRandom();
  readonly told: (readonly ServerAddress[] | string)[] = [];
  readonly resolver: DnsResolver;

  constructor(name = 'shop.test') {
    const port = name.startsWith('_') ? undefined : 7000;
    this.resolver = new DnsResolver({
      ...{ name, port, refreshMs: 30_000, clock: this.clock, random: this.random },
      nameServers: () => this.names,
    });
  }

  watch() {
    return this.resolver.watch({
      onServers: (servers) => this.told.push(servers),
      onError: (reason) => this.told.push(reason),
    });
  }

  get last(): readonly ServerAddress[] | string | undefined {
    return this.told.at(-1);
  }
}

test('each address is a server, the families in turns', async () => {
  const fixture = new Fixture();
  fixture.names.v4.set('shop.test', [address('10.0.0.1'), address('10.0.0.2')]);
  fixture.names.v6.set('shop.test', [address('fd00::1')]);
  fixture.watch();
  await settle();
  expect(fixture.told).toEqual([
    [{ address: '10.0.0.1:7000' }, { address: '[fd00::1]:7000' }, { address: '10.0.0.2:7000' }],
  ]);
});

test('it asks again when the shortest TTL is over, not before a second and not after refreshMs', async () => {
  for (const [ttl, atMs] of [
    [5, 5_000],
    [0, 1_000],
    [3_600, 30_000],
  ] as const) {
    const fixture = new Fixture();
    fixture.names.v4.set('shop.test', [address('10.0.0.1', ttl), address('10.0.0.2', 9_999)]);
    fixture.watch();
    await settle();
    const earliest = atMs * 0.8;
    await fixture.clock.advance(earliest - 1);
    await settle();
    expect(fixture.names.questions).toBe(1);
    await fixture.clock.advance(atMs - earliest + 1);
    await settle();
    expect(fixture.names.questions).toBe(2);
  }
});

test('what cannot be asked now is what it was, and is asked again after a second, then two', async () => {
  const fixture = new Fixture();
  // Nothing is early.
  fixture.random.fractions.push(0, 0, 0, 0);
  fixture.names.v4.set('shop.test', [address('10.0.0.1', 10)]);
  fixture.names.v6.set('shop.test', [address('fd00::1', 10)]);
  fixture.watch();
  await settle();
  fixture.names.v6.set('shop.test', 'ETIMEOUT');
  fixture.names.v4.set('shop.test', [address('10.0.0.2', 10)]);
  await fixture.clock.advance(10_000);
  await settle();
  expect(fixture.told.slice(1)).toEqual([
    [{ address: '10.0.0.2:7000' }, { address: '[fd00::1]:7000' }],
    'AAAA shop.test: no name server answered (ETIMEOUT)',
  ]);
  expect(fixture.names.questions).toBe(2);
  await fixture.clock.advance(1_000);
  await settle();
  expect(fixture.names.questions).toBe(3);
  await fixture.clock.advance(1_500);
  await settle();
  expect(fixture.names.questions).toBe(3);
  await fixture.clock.advance(500);
  await settle();
  expect(fixture.names.questions).toBe(4);
});

test('a name without addresses is an answer that could not be had', async () => {
  const fixture = new Fixture();
  fixture.watch();
  await settle();
  expect(fixture.told).toEqual(['shop.test has no address (A, AAAA)']);
});

test('refresh asks at once, but not twice in a second', async () => {
  const fixture = new Fixture();
  fixture.names.v4.set('shop.test', [address('10.0.0.1', 60)]);
  const watch = fixture.watch();
  await settle();
  watch.refresh?.();
  await fixture.clock.advance(900);
  watch.refresh?.();
  await fixture.clock.advance(99);
  expect(fixture.names.questions).toBe(1);
  await fixture.clock.advance(1);
  expect(fixture.names.questions).toBe(2);
  await fixture.clock.advance(2_000);
  watch.refresh?.();
  await settle();
  expect(fixture.names.questions).toBe(3);
});

test('stopped, it asks nothing and tells nothing', async () => {
  const fixture = new Fixture();
  fixture.names.v4.set('shop.test', [address('10.0.0.1', 1)]);
  const watch = fixture.watch();
  watch.stop();
  await settle();
  await fixture.clock.advance(60_000);
  await settle();
  expect([fixture.told, fixture.names.questions, fixture.names.cancelled]).toEqual([[], 0, 1]);
});

test('each service record is a server with its port, weight and priority, and the addresses of its host', async () => {
  const fixture = new Fixture('_shop._udp.test');
  fixture.names.srv.set('_shop._udp.test', [
    { name: 'a.test', port: 1, priority: 10, weight: 5 },
    { name: 'b.test', port: 2, priority: 20, weight: 0 },
    { name: 'gone.test', port: 3, priority: 20, weight: 1 },
  ]);
  fixture.names.v4.set('a.test', [address('10.0.0.1'), address('10.0.0.2')]);
  fixture.names.v6.set('b.test', [address('fd00::2')]);
  fixture.watch();
  await settle();
  expect(fixture.told[0]).toEqual(
    expect.arrayContaining([
      { address: 'a.test:1', priority: 10, weight: 5, ips: ['10.0.0.1', '10.0.0.2'] },
      { address: 'b.test:2', priority: 20, weight: 0.1, ips: ['fd00::2'] },
    ]),
  );
  expect(fixture.told[0]).toHaveLength(2);
  expect(fixture.told[1]).toBe('gone.test has no address (A, AAAA)');
});

test('what a name was is forgotten when the service has left it', async () => {
  const fixture = new Fixture('_shop._udp.test');
  // Nothing is early.
  fixture.random.fractions.push(0, 0, 0, 0, 0, 0);
  const serviceIsAt = (name: string, answered: readonly AddressRecord[] | string): void => {
    fixture.names.srv.set('_shop._udp.test', [{ name, port: 1, priority: 0, weight: 1 }]);
    fixture.names.v4.set(name, answered);
  };
  serviceIsAt('a.test', [address('10.0.0.1', 10)]);
  fixture.watch();
  await settle();
  serviceIsAt('b.test', [address('10.0.0.2', 10)]);
  await fixture.clock.advance(10_000);
  expect(fixture.last).toMatchObject([{ address: 'b.test:1' }]);
  serviceIsAt('a.test', 'ETIMEOUT');
  await fixture.clock.advance(10_000);
  // No server, for all that 10.0.0.1 was one.
  expect(fixture.told.slice(2)).toEqual(['A a.test: no name server answered (ETIMEOUT)']);
});

test('of a thousand service records the 256 of the best priority are servers', async () => {
  const fixture = new Fixture('_shop._udp.test');
  const records = Array.from({ length: 1_000 }, (_, i) => ({
    ...{ name: `${i}.test`, port: 1, priority: 1_000 - i, weight: 1 },
  }));
  fixture.names.srv.set('_shop._udp.test', records);
  for (const { name } of records) fixture.names.v4.set(name, [address('10.0.0.1')]);
  fixture.watch();
  await settle();
  expect(fixture.names.questions).toBe(256);
  const servers = fixture.last as readonly ServerAddress[];
  expect(servers).toHaveLength(256);
  expect(Math.max(...servers.map(({ priority = Infinity }) => priority))).toBe(256);
});

test('a service that is decidedly not there has no servers', async () => {
  const fixture = new Fixture('_shop._udp.test');
  fixture.names.srv.set('_shop._udp.test', [{ name: '', port: 0, priority: 0, weight: 0 }]);
  fixture.watch();
  await settle();
  expect(fixture.told).toEqual(['_shop._udp.test has no service record (SRV)']);
});

function address(ip: string, ttl = 30): AddressRecord {
  return { address: ip, ttl };
}
