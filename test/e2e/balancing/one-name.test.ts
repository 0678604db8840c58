/**
 * Several servers behind one name of a real name server: killing one in the middle of 10,000 calls fails none of them, a
 * new one gets its share, and the records may change while it runs. The figures of a run are printed.
 */
import { jest } from '@jest/globals';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import {
  type Channel,
  type ChannelOptions,
  createChannel,
  createClient,
  type PolicyName,
  type Server,
  type ServerOptions,
  Status,
} from '../../../src/index.js';
import { certificates } from '../../support/certificates.js';
import { describeWithDnsmasq, NameServer, SKIPPED } from '../../support/dnsmasq.js';
import { ExampleProcess } from '../../support/example-process.js';
import { serveNamed } from '../../support/named-server.js';

jest.setTimeout(60_000);

const CALLERS = 32;
const CALLERS_BESIDE = 4;
const PAYLOAD = new Uint8Array(64);
const ONE = '127.0.0.1';
const TWO = '127.0.0.2';
const THREE = '127.0.0.3';

const channels = new Set<Channel>();
const servers = new Set<Server>();

afterEach(async () => {
  await Promise.all([...channels].map((channel) => channel.close()));
  await Promise.all([...servers].map((server) => server.shutdown({ graceMs: 0 })));
  channels.clear();
  servers.clear();
});

async function serveAt(address: string, options?: ServerOptions): Promise<number> {
  const { server, port } = await serveNamed(address, options);
  servers.add(server);
  return port;
}

/** On one port, which the first has found free. */
async function serveAll(first: string, ...others: readonly string[]): Promise<number> {
  const port = await serveAt(`${first}:0`);
  await Promise.all(others.map((ip) => serveAt(`${ip}:${port}`)));
  return port;
}

/** As `serveAll`, each a process, by its IP address. */
async function startProcesses(first: string, ...others: readonly string[]) {
  const start = (address: string): ExampleProcess =>
    new ExampleProcess('named-server', [address], { folder: 'test/support' });
  const listening = /^listening on (\d+)$/m;
  const one = start(`${first}:0`);
  const [, port = ''] = await one.printed(listening);
  const processes = new Map(others.map((ip) => [ip, start(`${ip}:${port}`)]));
  await Promise.all([...processes.values()].map((other) => other.printed(listening)));
  return { port, processes: processes.set(first, one) };
}

function clientOf(target: string, name: NameServer, options: ChannelOptions = {}) {
  const channel = createChannel(target, { insecure: true, dns: { servers: [name.address] }, ...options });
  channels.add(channel);
  return { channel, client: createClient(TestServiceDefinition, channel) };
}

type Client = ReturnType<typeof clientOf>['client'];

/** The IP address of the server that has answered. */
async function answererOf(client: Client, hashKey: string): Promise<string> {
  let server = '';
  await client.echo(
    { payload: PAYLOAD },
    {
      hashKey,
      onTrailer: (trailer) => {
        server = (trailer.get('server') ?? '').replace(/:\d+$/, '');
      },
    },
  );
  return server;
}

/** Calls until `isOver`, and how often each server has answered. */
async function load(
  client: Client,
  isOver: (calls: number) => boolean,
  callers = CALLERS,
): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  let begun = 0;
  const caller = async (): Promise<void> => {
    for (let call = begun++; !isOver(call); call = begun++) {
      const server = await answererOf(client, `call ${call}`);
      answers.set(server, (answers.get(server) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return answers;
}

/** `ip:port` of those that are connected to. */
function readyOf(channel: Channel): string[] {
  const ready = channel.servers().filter(({ state }) => state === 'ready');
  return ready.map(({ address }) => address).sort();
}

/** Calls until those are connected to, and no others. */
function loadUntilReady({ channel, client }: ReturnType<typeof clientOf>, ...addresses: readonly string[]) {
  const wanted = addresses.join();
  return load(client, () => readyOf(channel).join() === wanted);
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

describeWithDnsmasq(`servers behind one name${SKIPPED}`, () => {
  test('one that is killed in the middle of 10,000 idempotent calls fails none of them, by any policy', async () => {
    const { port, processes } = await startProcesses(ONE, TWO, THREE);
    const name = await NameServer.start({ hosts: { 'shop.test': [ONE, TWO, THREE] } });
    const target = `dns+udp:///shop.test:${port}`;
    const clientBy = (policy: PolicyName) => clientOf(target, name, { balancing: { policy } });
    const { channel, client } = clientBy('round_robin');
    const others = (['power_of_two', 'consistent_hash', 'pick_first'] as const).map((policy) => ({
      policy,
      ...clientBy(policy),
    }));
    const [, , pickFirst] = others;
    let isOver = false;
    const beside = others.map(async (other) => ({
      ...other,
      answers: await load(other.client, () => isOver, CALLERS_BESIDE),
    }));
    const begunAt = performance.now();
    const callsBefore: number[] = [];
    const answers = await load(client, (calls) => {
      if (calls === 5_000) {
        const [busiest] = readyOf(pickFirst?.channel ?? channel);
        processes.get(busiest?.replace(/:\d+$/, '') ?? '')?.child.kill('SIGKILL');
        callsBefore.push(...others.map((other) => other.channel.counters.callsSucceeded));
      }
      return calls >= 10_000;
    });
    isOver = true;
    const ms = performance.now() - begunAt;
    expect(sum(answers.values())).toBe(10_000);
    report(`round_robin: 10000 calls in ${ms.toFixed(0)} ms, ${told(channel, answers)}`);
    const finished = await Promise.all(beside);
    for (const [i, { policy, ...other }] of finished.entries()) {
      const { calls, callsSucceeded, callsFailed } = other.channel.counters;
      expect({ policy, callsFailed, callsSucceeded }).toEqual({
        policy,
        callsFailed: 0,
        callsSucceeded: calls,
      });
      expect(callsBefore[i]).toBeGreaterThan(0);
      expect(callsSucceeded).toBeGreaterThan((callsBefore[i] ?? 0) + CALLERS_BESIDE);
      report(`${policy}: ${calls} calls beside it, ${told(other.channel, other.answers)}`);
    }
    expect([...processes.values()].filter(({ child }) => child.killed)).toHaveLength(1);
    await Promise.all([...processes.values()].map((server) => server.end('SIGKILL')));
  });

  test('a new server gets its share within 5 s, and one that is not named any more no calls', async () => {
    const port = await serveAll(ONE, TWO, THREE);
    const name = await NameServer.start({ hosts: { 'shop.test': [ONE, TWO] } });
    const ends = clientOf(`dns+udp:///shop.test:${port}`, name);
    await load(ends.client, (calls) => calls >= 100);
    await name.serve({ hosts: { 'shop.test': [TWO, THREE] } });
    const changedAt = performance.now();
    await loadUntilReady(ends, `${TWO}:${port}`, `${THREE}:${port}`);
    const ms = performance.now() - changedAt;
    const answers = await load(ends.client, (calls) => calls >= 1_000);
    report(
      `a new server is connected to ${ms.toFixed(0)} ms after it is named, and has ${told(ends.channel, answers)}`,
    );
    expect(ms).toBeLessThan(5_000);
    expect([...answers.keys()].sort()).toEqual([TWO, THREE]);
    for (const count of answers.values()) expect(count).toBeGreaterThan(400);
  });

  test('consistent_hash moves only the keys of a server that goes, and only to one that comes', async () => {
    const port = await serveAll(ONE, TWO, THREE);
    const name = await NameServer.start({ hosts: { 'shop.test': [ONE, TWO, THREE] } });
    const ends = clientOf(`dns+udp:///shop.test:${port}`, name, { balancing: { policy: 'consistent_hash' } });
    const keys = Array.from({ length: 600 }, (_, i) => `user ${i}`);
    const places = () => Promise.all(keys.map((key) => answererOf(ends.client, key)));
    const all = [ONE, TWO, THREE].map((ip) => `${ip}:${port}`);
    await loadUntilReady(ends, ...all);
    const before = await places();
    await name.serve({ hosts: { 'shop.test': [ONE, THREE] } });
    await loadUntilReady(ends, `${ONE}:${port}`, `${THREE}:${port}`);
    const without = await places();
    expect(without).toEqual(before.map((place, i) => (place === TWO ? without[i] : place)));
    expect(new Set(without)).toEqual(new Set([ONE, THREE]));
    await name.serve({ hosts: { 'shop.test': [ONE, TWO, THREE] } });
    await loadUntilReady(ends, ...all);
    expect(await places()).toEqual(before);
    const moved = before.filter((place) => place === TWO).length;
    report(`consistent_hash: of ${keys.length} keys ${moved} move when one of three servers goes, and back`);
  });

  test('the last answer holds while no name server answers', async () => {
    const port = await serveAll(ONE);
    const name = await NameServer.start({ hosts: { 'shop.test': [ONE] } });
    const { channel, client } = clientOf(`dns+udp:///shop.test:${port}`, name);
    const errors: string[] = [];
    channel.on('resolverError', (reason) => errors.push(reason));
    await client.echo({ payload: PAYLOAD });
    await name.stop();
    await load(client, () => errors.length > 0);
    expect(errors).toEqual(['A shop.test: no name server answered (ECONNREFUSED)']);
    await load(client, (calls) => calls >= 100);
    expect(readyOf(channel)).toEqual([`${ONE}:${port}`]);
  });

  test('A and AAAA records are servers alike', async () => {
    const port = await serveAll(ONE, '[::1]');
    const name = await NameServer.start({ hosts: { 'shop.test': [ONE, '::1'] } });
    const ends = clientOf(`dns+udp:///shop.test:${port}`, name);
    await loadUntilReady(ends, `${ONE}:${port}`, `[::1]:${port}`);
    const answers = await load(ends.client, (calls) => calls >= 100);
    expect([...answers.keys()].sort()).toEqual([ONE, '[::1]']);
    await name.serve({ hosts: { 'shop.test': ['::1'] } });
    await loadUntilReady(ends, `[::1]:${port}`);
    expect([...(await load(ends.client, (calls) => calls >= 50))]).toEqual([['[::1]', 50]]);
  });

  test('SRV records say ports, priorities and weights, and may change', async () => {
    const [portA, portB, portC] = await Promise.all([ONE, TWO, THREE].map((ip) => serveAt(`${ip}:0`)));
    const hosts = { 'a.test': [ONE], 'b.test': [TWO], 'c.test': [THREE] };
    const a = { target: 'a.test', port: Number(portA), priority: 1, weight: 3 };
    const b = { target: 'b.test', port: Number(portB), priority: 1, weight: 1 };
    const c = { target: 'c.test', port: Number(portC), priority: 2, weight: 1 };
    const name = await NameServer.start({ hosts, services: { '_shop._udp.test': [a, b, c] } });
    const ends = clientOf('dns+udp:///_shop._udp.test', name);
    await loadUntilReady(ends, `a.test:${a.port}`, `b.test:${b.port}`);
    const answers = await load(ends.client, (calls) => calls >= 400);
    expect(answers.get(ONE)).toBeGreaterThan(270);
    expect(answers.get(ONE)).toBeLessThan(330);
    expect([...answers.keys()].sort()).toEqual([ONE, TWO]);
    await name.serve({ hosts, services: { '_shop._udp.test': [{ ...c, priority: 0 }] } });
    await loadUntilReady(ends, `c.test:${c.port}`);
    expect([...(await load(ends.client, (calls) => calls >= 50))]).toEqual([[THREE, 50]]);
  });

  test('under TLS certificates are for the name that was asked for, whatever it means', async () => {
    const { authority, server: identity } = await certificates();
    const port = await serveAt(`${ONE}:0`, { tls: identity });
    const name = await NameServer.start({ hosts: { 'cam.example': [ONE], 'other.example': [ONE] } });
    const tls = { ca: authority.cert };
    const { client } = clientOf(`dns:///cam.example:${port}`, name, { tls });
    await client.echo({ payload: PAYLOAD });
    const { client: other } = clientOf(`dns+udps:///other.example:${port}`, name, { tls });
    await expect(other.echo({ payload: PAYLOAD })).rejects.toMatchObject({ code: Status.UNAUTHENTICATED });
  });

  test('a name that is not known is told in one line', async () => {
    const name = await NameServer.start({});
    const { client } = clientOf('dns+udp:///nowhere.test:5005', name);
    await expect(client.echo({ payload: PAYLOAD }, { retry: false })).rejects.toThrow(
      '/test.v1.TestService/Echo UNAVAILABLE: dns+udp:///nowhere.test:5005: nowhere.test has no address (A, AAAA)',
    );
  });
});

function told({ counters }: Channel, answers: ReadonlyMap<string, number>): string {
  const shares = [...answers].sort().map(([server, count]) => `${server} ${count}`);
  return `${counters.retries} retries, answers: ${shares.join(', ')}`;
}
