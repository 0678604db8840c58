import { jest } from '@jest/globals';
import { BoundSockets, type BoundSocketsOptions } from '../../src/driver/bound-sockets.js';
import { UdpSocket } from '../../src/driver/udp-socket.js';
import { type Transmit } from '../../src/transport/connection/transmit.js';
import { type Address } from '../../src/transport/path/path.js';
import { ManualClock } from '../support/manual-clock.js';

type Received = readonly [firstByte: number | undefined, remote: Address, local: number];

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(opened.splice(0).map((it) => it.close()));
});

async function open(options: Partial<BoundSocketsOptions> & { readonly ips: readonly string[] }) {
  const clock = new ManualClock();
  const inbox = mailbox<Received>();
  const released: Transmit[] = [];
  const bound = await BoundSockets.open({
    port: 0,
    clock,
    handler: {
      onDatagram: (datagram, remote, local) => {
        inbox.put([datagram[0], remote, local]);
      },
      onSocketError: () => undefined,
      onReleased: (transmit) => released.push(transmit),
    },
    ...options,
  });
  opened.push(bound);
  return { clock, bound, inbox, released };
}

async function client(remote: Address) {
  const inbox = mailbox<readonly [firstByte: number | undefined, remote: Address]>();
  const socket = await UdpSocket.connect(remote, {
    onDatagram: (datagram, from) => {
      inbox.put([datagram[0], from]);
    },
    onSocketError: () => undefined,
    onReleased: () => undefined,
  });
  opened.push(socket);
  return {
    inbox,
    local: socket.local,
    send: (byte: number) => {
      socket.send(transmit(byte, remote, 0));
    },
  };
}

function mailbox<T>() {
  const items: T[] = [];
  let waiting: ((item: T) => void) | undefined;
  return {
    items,
    put(item: T): void {
      if (waiting === undefined) items.push(item);
      else waiting(item);
      waiting = undefined;
    },
    next: (): Promise<T> =>
      new Promise((resolve) => {
        const item = items.shift();
        if (item === undefined) waiting = resolve;
        else resolve(item);
      }),
  };
}

const transmit = (byte: number, remote: Address, local: number): Transmit => ({
  bytes: new Uint8Array([byte]),
  length: 1,
  segmentSize: 1,
  remote,
  local,
});

const scan = async (clock: ManualClock): Promise<void> => {
  await clock.advance(5_000);
};

describe('BoundSockets', () => {
  test('listens on each address with the same port, and answers from the one that was asked', async () => {
    const { bound, inbox } = await open({
      ips: ['0.0.0.0'],
      localAddresses: () => ['127.0.0.1', '127.0.0.2'],
    });
    expect(bound.sockets.map(({ local }) => local)).toEqual([
      { ip: '127.0.0.1', port: bound.port },
      { ip: '127.0.0.2', port: bound.port },
    ]);
    const asker = await client({ ip: '127.0.0.2', port: bound.port });
    asker.send(1);
    const [byte, remote, local] = await inbox.next();
    expect([byte, local]).toEqual([1, 1]);
    // Connected, the asker hears only what comes from where it sent to.
    bound.send(transmit(2, remote, 0));
    bound.send(transmit(3, remote, local));
    expect(await asker.inbox.next()).toEqual([3, { ip: '127.0.0.2', port: bound.port }]);
  });

  test('[AMP-3] drops what comes from an address that it listens on itself', async () => {
    const { bound, inbox } = await open({
      ips: ['0.0.0.0'],
      localAddresses: () => ['127.0.0.1', '127.0.0.2'],
    });
    const remote = { ip: '127.0.0.2', port: bound.port };
    bound.send(transmit(1, remote, 0));
    bound.send(transmit(2, remote, 1));
    // Behind them in the same buffer.
    (await client(remote)).send(3);
    expect((await inbox.next())[0]).toBe(3);
    expect([bound.datagramsFromSelf, inbox.items]).toEqual([2, []]);
  });

  test('the wildcard of IPv6 stands for both families', async () => {
    const { bound, inbox } = await open({ ips: ['::'], localAddresses: () => ['127.0.0.1', '::1'] });
    for (const ip of ['127.0.0.1', '::1']) {
      (await client({ ip, port: bound.port })).send(1);
      expect((await inbox.next())[1].ip).toBe(ip);
    }
    expect(bound.receiveBufferBytes).toBe(bound.sockets[0]?.receiveBufferBytes);
  });

  test('follows the addresses of the machine, and each keeps its index', async () => {
    let ips = ['127.0.0.1', '127.0.0.2'];
    const { bound, clock, inbox, released } = await open({ ips: ['0.0.0.0'], localAddresses: () => ips });
    const bindSpy = jest.spyOn(UdpSocket, 'bind');
    const listening = (): string[] => bound.sockets.map(({ local }) => local.ip);

    ips = ['127.0.0.1', '127.0.0.3'];
    await scan(clock);
    await Promise.all(bindSpy.mock.results.map(({ value }) => value as Promise<unknown>));
    expect(listening()).toEqual(['127.0.0.1', '127.0.0.3']);
    const goneTransmit = transmit(1, { ip: '127.0.0.1', port: 9 }, 1);
    bound.send(goneTransmit);
    expect(released).toEqual([goneTransmit]);

    ips = ['127.0.0.1', '127.0.0.2'];
    await scan(clock);
    await Promise.all(bindSpy.mock.results.map(({ value }) => value as Promise<unknown>));
    const asker = await client({ ip: '127.0.0.2', port: bound.port });
    asker.send(7);
    expect((await inbox.next())[2]).toBe(1);
  });

  test('without a wildcard there is nothing to follow', async () => {
    const { clock } = await open({ ips: ['127.0.0.1'] });
    expect(clock.pendingTimers).toBe(0);
  });

  test('closed, it looks no more', async () => {
    const { bound, clock } = await open({ ips: ['0.0.0.0'], localAddresses: () => ['127.0.0.1'] });
    expect(clock.pendingTimers).toBe(1);
    await bound.close();
    expect(clock.pendingTimers).toBe(0);
    expect(bound.sockets).toEqual([]);
  });

  test('any free port means one that is free on every address', async () => {
    const real = UdpSocket.bind.bind(UdpSocket);
    const taken: number[] = [];
    jest.spyOn(UdpSocket, 'bind').mockImplementation(async (local, handler) => {
      if (local.ip === '127.0.0.2' && taken.length < 2) {
        taken.push(local.port);
        throw Object.assign(new Error('x'), { code: 'EADDRINUSE' });
      }
      return real(local, handler);
    });
    const { bound } = await open({ ips: ['127.0.0.1', '127.0.0.2'] });
    expect(taken).toHaveLength(2);
    expect(bound.sockets.map(({ local }) => local.port)).toEqual([bound.port, bound.port]);
    await (await open({ ips: ['127.0.0.1'], port: taken[0] ?? 0 })).bound.close(); // given back
  });

  test('a port in use rejects with what to do, and leaves nothing open', async () => {
    const { bound } = await open({ ips: ['127.0.0.2'] });
    const both = { ips: ['127.0.0.1', '127.0.0.2'], port: bound.port };
    await expect(open(both)).rejects.toThrow(
      `cannot listen on 127.0.0.2:${bound.port}: the port is in use; stop what uses it`,
    );
    await bound.close();
    await open(both);
  });

  test('an address that is not ours rejects; behind a wildcard it is passed over', async () => {
    await expect(open({ ips: ['203.0.113.7'] })).rejects.toThrow(
      '203.0.113.7 is not an address of this machine',
    );
    const local = () => ['203.0.113.7', '127.0.0.1'];
    const { bound } = await open({ ips: ['0.0.0.0'], localAddresses: local });
    expect(bound.sockets.map((socket) => socket.local.ip)).toEqual(['127.0.0.1']);
    await expect(open({ ips: ['0.0.0.0'], localAddresses: () => [] })).rejects.toThrow(
      'has no address to listen on',
    );
  });
});
