import { createSocket } from 'node:dgram';
import { type SocketError } from '../../src/driver/socket-error.js';
import { UdpSocket, type UdpSocketHandler } from '../../src/driver/udp-socket.js';
import { type Transmit } from '../../src/transport/connection/transmit.js';
import { type Address } from '../../src/transport/path/path.js';

/** Records what a socket says, and lets a test wait until it has said enough. */
class Recorder implements UdpSocketHandler {
  readonly datagrams: { readonly bytes: Uint8Array; readonly remote: Address }[] = [];
  readonly errors: SocketError[] = [];
  readonly released: Transmit[] = [];
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  onDatagram(bytes: Uint8Array, remote: Address): void {
    this.datagrams.push({ bytes, remote });
    this.#check();
  }

  onSocketError(error: SocketError): void {
    this.errors.push(error);
    this.#check();
  }

  onReleased(transmit: Transmit): void {
    this.released.push(transmit);
    this.#check();
  }

  until(isMet: (recorder: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isMet: () => isMet(this), resolve });
      this.#check();
    });
  }

  #check(): void {
    this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
      const met = isMet();
      if (met) resolve();
      return !met;
    });
  }
}

const transmitOf = (bytes: Uint8Array, remote: Address, segmentSize = bytes.length): Transmit => ({
  bytes,
  length: bytes.length,
  segmentSize,
  remote,
  local: 0,
});

const sockets: UdpSocket[] = [];
const bind = async (handler: UdpSocketHandler, ip = '127.0.0.1', port = 0): Promise<UdpSocket> => {
  const socket = await UdpSocket.bind({ ip, port }, handler);
  sockets.push(socket);
  return socket;
};
const connect = async (remote: Address, handler: UdpSocketHandler): Promise<UdpSocket> => {
  const socket = await UdpSocket.connect(remote, handler);
  sockets.push(socket);
  return socket;
};

/** An address where certainly nobody listens: it was ours until just now. */
const deadAddress = async (): Promise<Address> => {
  const socket = await UdpSocket.bind({ ip: '127.0.0.1', port: 0 }, new Recorder());
  await socket.close();
  return socket.local;
};

afterEach(async () => {
  await Promise.all(sockets.splice(0).map((socket) => socket.close()));
});

describe('UdpSocket', () => {
  test.each(['127.0.0.1', '::1'])('carries datagrams both ways over %s', async (ip) => {
    const atServer = new Recorder();
    const atClient = new Recorder();
    const server = await bind(atServer, ip);
    const client = await connect(server.local, atClient);
    client.send(transmitOf(new Uint8Array([1, 2, 3]), server.local));
    await atServer.until((it) => it.datagrams.length === 1);
    const { bytes, remote } = atServer.datagrams[0] ?? { bytes: undefined, remote: { ip: '', port: 0 } };
    expect(bytes).toEqual(new Uint8Array([1, 2, 3]));
    expect(remote).toEqual({ ip, port: client.local.port });
    server.send(transmitOf(new Uint8Array([4]), remote));
    await atClient.until((it) => it.datagrams.length === 1);
    expect(atClient.datagrams).toEqual([{ bytes: new Uint8Array([4]), remote: server.local }]);
  });

  test('hands up plain arrays that stay as they are, and one address object per peer', async () => {
    const atServer = new Recorder();
    const server = await bind(atServer);
    const client = await connect(server.local, new Recorder());
    for (let i = 0; i < 40; i++) client.send(transmitOf(new Uint8Array(100).fill(i), server.local));
    await atServer.until((it) => it.datagrams.length === 40);
    atServer.datagrams.forEach(({ bytes, remote }, i) => {
      expect(bytes).toEqual(new Uint8Array(100).fill(i));
      expect(Object.getPrototypeOf(bytes)).not.toBe(Buffer.prototype);
      expect(remote).toBe(atServer.datagrams[0]?.remote);
    });
  });

  test('tells two peers apart whose ports share a slot of its memory of peers', async () => {
    const atServer = new Recorder();
    const server = await bind(atServer);
    const first = await connect(server.local, new Recorder());
    const port = first.local.port > 40_000 ? first.local.port - 256 * 8 : first.local.port + 256 * 8;
    const second = createSocket('udp4');
    await new Promise<void>((resolve) => second.bind(port, '127.0.0.1', resolve));
    try {
      for (let i = 1; i <= 3; i++) {
        first.send(transmitOf(new Uint8Array([0]), server.local));
        await atServer.until((it) => it.datagrams.length === 2 * i - 1);
        second.send(new Uint8Array([1]), server.local.port, server.local.ip);
        await atServer.until((it) => it.datagrams.length === 2 * i);
      }
    } finally {
      second.close();
    }
    for (const { bytes, remote } of atServer.datagrams) {
      expect(remote.port).toBe(bytes[0] === 0 ? first.local.port : port);
    }
  });

  test('memory given back may be written at once: what was sent does not change', async () => {
    const atServer = new Recorder();
    const atClient = new Recorder();
    const server = await bind(atServer);
    const client = await connect(server.local, atClient);
    const memory = new Uint8Array(1_000);
    for (let i = 0; i < 200; i++) {
      memory.fill(i);
      client.send(transmitOf(memory, server.local));
      await atClient.until((it) => it.released.length === i + 1);
    }
    await atServer.until((it) => it.datagrams.length === 200);
    expect(atServer.datagrams.map(({ bytes }) => bytes[999])).toEqual(
      Array.from({ length: 200 }, (_, i) => i),
    );
    expect(client.stats.datagramsSent).toBe(200);
  });

  test('a Transmit of several segments leaves as that many datagrams and is given back once', async () => {
    const atServer = new Recorder();
    const atClient = new Recorder();
    const server = await bind(atServer);
    const client = await connect(server.local, atClient);
    const sentAtRelease: number[] = [];
    atClient.onReleased = () => sentAtRelease.push(client.stats.datagramsSent);
    const bytes = Uint8Array.from({ length: 250 }, (_, i) => i);
    client.send(transmitOf(bytes, server.local, 100));
    await atServer.until((it) => it.datagrams.length === 3);
    expect(sentAtRelease).toEqual([3]);
    expect(atServer.datagrams.map((it) => it.bytes)).toEqual([
      bytes.slice(0, 100),
      bytes.slice(100, 200),
      bytes.slice(200),
    ]);
  });

  test('a refusal comes as an error of that kind, again and again, and ends nothing', async () => {
    const dead = await deadAddress();
    const atClient = new Recorder();
    const client = await connect(dead, atClient);
    for (let i = 1; i <= 3; i++) {
      client.send(transmitOf(new Uint8Array(10), dead));
      await atClient.until((it) => it.errors.length >= i);
    }
    expect(new Set(atClient.errors.map(({ kind, code }) => `${kind} ${code}`))).toEqual(
      new Set(['refused ECONNREFUSED']),
    );
    expect(client.stats.errors.refused).toBe(atClient.errors.length);
    await atClient.until((it) => it.released.length === 3);
  });

  test('a datagram too large is an error of that kind; the next one arrives', async () => {
    const atServer = new Recorder();
    const atClient = new Recorder();
    const server = await bind(atServer);
    const client = await connect(server.local, atClient);
    client.send(transmitOf(new Uint8Array(65_508), server.local));
    client.send(transmitOf(new Uint8Array(65_507), server.local));
    await atServer.until((it) => it.datagrams.length === 1);
    await atClient.until((it) => it.released.length === 2);
    expect(atClient.errors).toEqual([{ kind: 'tooLarge', code: 'EMSGSIZE' }]);
    expect(client.stats.datagramsSent).toBe(1);
  });

  test('what cannot be sent is given back and counted, and throws nothing', async () => {
    const recorder = new Recorder();
    const socket = await bind(recorder);
    socket.send(transmitOf(new Uint8Array(10), { ip: '127.0.0.1', port: 0 }));
    socket.send(transmitOf(new Uint8Array(0), { ip: '127.0.0.1', port: 9 }));
    expect(socket.stats.datagramsNotTried).toBe(2);
    socket.send(transmitOf(new Uint8Array(10), { ip: '::1', port: 9 }));
    await recorder.until((it) => it.released.length === 3 && it.errors.length === 1);
    expect(socket.stats.datagramsSent).toBe(0);
  });

  test('what was sent before close still leaves; after it nothing does and nothing is told', async () => {
    const atServer = new Recorder();
    const atClient = new Recorder();
    const server = await bind(atServer);
    const client = await connect(server.local, atClient);
    client.send(transmitOf(new Uint8Array([7]), server.local));
    const closed = client.close();
    client.send(transmitOf(new Uint8Array([8]), server.local));
    server.send(transmitOf(new Uint8Array([9]), client.local));
    await Promise.all([closed, client.close()]);
    await atServer.until((it) => it.datagrams.length === 1);
    expect(atServer.datagrams[0]?.bytes).toEqual(new Uint8Array([7]));
    expect(atClient.datagrams).toEqual([]);
    expect(atClient.released).toHaveLength(2);
    expect(client.stats.datagramsNotTried).toBe(1);
  });

  test('a port in use rejects with the error of the system', async () => {
    const { local } = await bind(new Recorder());
    await expect(UdpSocket.bind(local, new Recorder())).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(UdpSocket.bind({ ip: '203.0.113.7', port: 0 }, new Recorder())).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  test('asks for a large receive buffer and says what it got', async () => {
    const plain = createSocket('udp4');
    await new Promise<void>((resolve) => plain.bind(0, '127.0.0.1', resolve));
    const defaultBytes = plain.getRecvBufferSize();
    plain.close();
    const socket = await bind(new Recorder());
    expect(socket.receiveBufferBytes).toBeGreaterThan(defaultBytes);
  });

  test('an unref’d socket does not keep the process alive', async () => {
    const count = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource.startsWith('UDP')).length;
    const before = count();
    const socket = await bind(new Recorder());
    expect(count()).toBe(before + 1);
    socket.unref();
    expect(count()).toBe(before);
  });
});
