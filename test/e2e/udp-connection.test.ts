import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { promisify } from 'node:util';
import { CloseCode } from '../../src/rpc/framing/reset-code.js';
import { ConnectionTransport } from '../../src/transport/endpoint/connection-transport.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { decodeHeader } from '../../src/transport/wire/header.js';
import { DatagramRelay, type Passing } from '../support/datagram-relay.js';
import {
  closeAll,
  connect,
  connectClient,
  connector,
  deadPort,
  echoServer,
  muteSocket,
} from '../support/udp-fixture.js';

const bytesOf = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

afterEach(closeAll);

describe('a connection over real sockets', () => {
  test.each(['127.0.0.1', '[::1]', 'localhost'])('carries streams both ways: %s', async (host) => {
    const { listening } = await echoServer(`${host}:0`);
    const client = await connectClient(`udp://${host}:${listening.port}`);
    const sizes = [0, 1, 1_000, 100_000];
    const answers = await Promise.all(sizes.map((size) => client.echo(bytesOf(size))));
    expect(answers).toEqual(sizes.map(bytesOf));
    await client.ready;
    expect(client.transport.peer).toMatch(/^(127\.0\.0\.1|\[::1\]):\d+$/);
    expect(client.transport.peer).toMatch(new RegExp(`:${listening.port}$`));
  });

  test('carries 8 MB both ways at once, unharmed', async () => {
    const { listening } = await echoServer();
    const client = await connectClient(`127.0.0.1:${listening.port}`);
    const sent = bytesOf(8_000_000);
    expect(Buffer.compare(await client.echo(sent), sent)).toBe(0);
  }, 20_000);

  test('with one address, what is written at once rides in the first flight, in its first datagram', async () => {
    const { listening, connections } = await echoServer();
    const datagrams: Passing[] = [];
    const relay = await DatagramRelay.open(listening.port, () => (passing) => {
      datagrams.push(passing);
      return [passing.bytes];
    });
    let answer: Promise<Uint8Array> | undefined;
    const client = await connectClient(`127.0.0.1:${relay.port}`, {}, (it) => {
      expect(it.transport.isReady).toBe(false);
      answer = it.echo(bytesOf(100));
    });
    expect(await answer).toEqual(bytesOf(100));
    expect(connections[0]?.firstFlightStreams).toEqual([0]);
    await client.ready;
    const firstAnswer = datagrams.findIndex(({ from }) => from === 'server');
    expect(datagrams.slice(0, firstAnswer).map(({ bytes }) => bytes.length)).toEqual([1_200]);
    await relay.close();
  });

  test('[MIG-10] goes on from another socket in the middle of a transfer, as often as it is asked to', async () => {
    const { listening, connections } = await echoServer();
    const client = await connectClient(`127.0.0.1:${listening.port}`);
    await client.ready;
    const sent = bytesOf(4_000_000);
    const answer = client.echo(sent);
    for (let i = 0; i < 5; i++) {
      client.transport.rebind?.();
      await client.echo(bytesOf(10_000));
    }
    expect(Buffer.compare(await answer, sent)).toBe(0);
    expect(connections).toHaveLength(1);
    // Each new socket asks for an answer to itself.
    const { transport } = client;
    const probes = transport instanceof ConnectionTransport ? transport.connection.stats.pathProbesSent : 0;
    expect(probes).toBeGreaterThan(0);
  }, 20_000);

  test('behind a wildcard it is reached at each address, and answers from there', async () => {
    const { listening, warnings } = await echoServer('0.0.0.0:0', { insecure: true });
    expect(listening.addresses).toContain(`udp://127.0.0.1:${listening.port}`);
    for (const address of listening.addresses) {
      const client = await connectClient(address, { insecure: true });
      expect(await client.echo(bytesOf(10))).toEqual(bytesOf(10));
      expect(`udp://${client.transport.peer}`).toBe(address);
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^listening on udp:\/\/.* without encryption/);
  });

  test('[DGM-3] garbage from strangers harms nobody', async () => {
    const { listening, connections } = await echoServer();
    const client = await connectClient(`127.0.0.1:${listening.port}`);
    await client.ready;
    const stranger = createSocket('udp4');
    await new Promise<void>((resolve) => stranger.bind(0, '127.0.0.1', resolve));
    const sizes = [0, 1, 7, 8, 21, 1_199, 1_200, 1_201, 9_000, 65_507];
    for (const firstByte of [0x00, 0x40, 0x80, 0xc0, 0xff]) {
      for (const size of sizes) {
        const garbage = bytesOf(size);
        if (size > 0) garbage[0] = firstByte;
        await new Promise((resolve) => {
          stranger.send(garbage, listening.port, '127.0.0.1', resolve);
        });
      }
    }
    stranger.close();
    expect(await client.echo(bytesOf(5_000))).toEqual(bytesOf(5_000));
    expect(connections).toHaveLength(1);
  });
});

describe('first contact', () => {
  test('of several addresses the one that answers is taken, when it has', async () => {
    const { listening, connections } = await echoServer();
    const lookup = async () => ['::1', '127.0.0.1'];
    const start = performance.now();
    const client = await connectClient(`localhost:${listening.port}`, { lookup });
    // ::1 refuses at once, so the 250 ms are not waited for.
    expect(performance.now() - start).toBeLessThan(240);
    expect(client.transport.isReady).toBe(true);
    expect(client.transport.peer).toBe(`127.0.0.1:${listening.port}`);
    expect(await client.echo(bytesOf(10))).toEqual(bytesOf(10));
    expect(connections).toHaveLength(1);
  });

  test('an address that says nothing costs 250 ms, and is told when it has lost', async () => {
    const { listening } = await echoServer();
    let onClose: () => void = () => undefined;
    const closeHeard = new Promise<void>((resolve) => (onClose = resolve));
    const mute = await muteSocket('::1', listening.port, (datagram) => {
      const header = decodeHeader(datagram, 0, 8);
      if (typeof header === 'string' || header.kind !== 'hello') return;
      if (datagram[header.payloadStart] === FrameType.CLOSE_TRANSPORT) onClose();
    });
    const start = performance.now();
    const lookup = async () => ['::1', '127.0.0.1'];
    const client = await connectClient(`localhost:${listening.port}`, { lookup });
    expect(client.transport.peer).toBe(`127.0.0.1:${listening.port}`);
    expect(performance.now() - start).toBeGreaterThanOrEqual(250);
    expect(performance.now() - start).toBeLessThan(1_000);
    await closeHeard;
    await mute.close();
  });

  test('all addresses refuse: fails within a second and names each', async () => {
    const port = await deadPort();
    const lookup = async () => ['::1', '127.0.0.1'];
    const start = performance.now();
    const connected = await connect(connector(`localhost:${port}`, { lookup }));
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(connected).toEqual({
      failed:
        `[::1]:${port} refused, nobody listens there (ECONNREFUSED); ` +
        `127.0.0.1:${port} refused, nobody listens there (ECONNREFUSED)`,
    });
  });

  test('the only address refuses: closes within a second and names it', async () => {
    const port = await deadPort();
    const start = performance.now();
    const client = await connectClient(`127.0.0.1:${port}`);
    expect(await client.closed).toMatchObject({
      by: 'refused',
      reason: `127.0.0.1:${port} refused, nobody listens there (ECONNREFUSED)`,
    });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  test('the only address says nothing: closes at the handshake timeout and names it', async () => {
    const mute = await muteSocket('127.0.0.1', 0);
    const { port } = mute.local;
    const client = await connectClient(`127.0.0.1:${port}`, { transport: { handshakeTimeoutMs: 200 } });
    const closed = await client.closed;
    expect(closed.by).toBe('handshakeTimeout');
    expect(closed.reason).toMatch(
      new RegExp(
        `^127.0.0.1:${port} no handshake within 200 ms \\(\\d+ datagrams sent, nothing received\\)$`,
      ),
    );
    await mute.close();
  });

  test('a name that does not exist fails with a line for a person', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    expect(await connect(connector('udp://nowhere.example', { insecure: true, lookup }))).toEqual({
      failed: 'nowhere.example is not a known host name (ENOTFOUND)',
    });
  });

  test('cancelled before it was decided: nothing is told and the server is not left with a connection', async () => {
    const { listening, connections } = await echoServer();
    const told: string[] = [];
    const from = connector(`127.0.0.1:${listening.port}`);
    from
      .connect({
        onTransport: () => {
          throw new Error('told of a transport');
        },
        onFailed: ({ reason }) => told.push(reason),
      })
      .cancel();
    await connectClient(`127.0.0.1:${listening.port}`).then((client) => client.ready);
    expect(told).toEqual([]);
    expect(connections).toHaveLength(1);
  });
});

describe('the end', () => {
  test('of a channel reaches the server at once', async () => {
    const { listening, connections } = await echoServer();
    const from = connector(`127.0.0.1:${listening.port}`);
    const connected = await connect(from);
    if (!('client' in connected)) throw new Error('not connected');
    await connected.client.ready;
    connected.client.transport.close(CloseCode.NO_ERROR, 'done');
    await from.close();
    expect(await connections[0]?.closed).toMatchObject({
      by: 'peer',
      code: 0,
      isApplication: true,
      reason: 'done',
    });
  });

  test('of a server reaches all its clients at once, more of them than a turn sends to', async () => {
    const { listening } = await echoServer('127.0.0.1:0', { limits: { maxHalfOpenPerAddress: 400 } });
    const from = connector(`127.0.0.1:${listening.port}`);
    const clients = [];
    for (let i = 0; i < 300; i++) {
      const connected = await connect(from);
      if (!('client' in connected)) throw new Error('not connected');
      clients.push(connected.client);
    }
    await Promise.all(clients.map((client) => client.ready));
    await listening.close();
    for (const client of clients) {
      expect(await client.closed).toMatchObject({
        by: 'peer',
        code: CloseCode.SHUTDOWN,
        isApplication: true,
      });
    }
  }, 20_000);

  test('a server that refuses new connections keeps those it has', async () => {
    const { listening } = await echoServer();
    const old = await connectClient(`127.0.0.1:${listening.port}`);
    await old.ready;
    listening.refuseNew();
    const late = await connectClient(`127.0.0.1:${listening.port}`);
    expect(await late.closed).toMatchObject({
      by: 'peer',
      reason: `127.0.0.1:${listening.port} the server is shutting down`,
    });
    expect(await old.echo(bytesOf(10))).toEqual(bytesOf(10));
  });

  test('a process with an idle connection and nothing to do ends', async () => {
    const { listening } = await echoServer();
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--import',
        './test/support/typescript.mjs',
        '--input-type=module',
        '--eval',
        `import { connectClient } from './test/support/udp-fixture.ts';
         // As the deadline of a call does, while there is one.
         const alive = setTimeout(() => {}, 10_000);
         const client = await connectClient('127.0.0.1:${listening.port}');
         await client.ready;
         console.log(String(await client.echo(new Uint8Array([1, 2]))));
         clearTimeout(alive);`,
      ],
      { timeout: 15_000 },
    );
    expect(stdout).toBe('1,2\n');
  }, 20_000);
});

describe('listening', () => {
  test.each(['0.0.0.0:0', '[::]:0'])('%s is open to others: only with insecure: true', async (address) => {
    await expect(echoServer(address)).rejects.toThrow(
      /can be reached from other machines, and nothing is encrypted: listen on 127\.0\.0\.1, or pass insecure: true/,
    );
    expect((await echoServer(address, { insecure: true })).warnings[0]).toContain('without encryption');
  });

  test('loopback needs nothing and warns of nothing', async () => {
    const { warnings, listening } = await echoServer('127.0.0.1:0');
    expect(warnings.filter((line) => !line.includes('receive buffer'))).toEqual([]);
    expect(listening.addresses).toEqual([`udp://127.0.0.1:${listening.port}`]);
  });

  test('a port in use says what to do', async () => {
    const { listening } = await echoServer();
    await expect(echoServer(`127.0.0.1:${listening.port}`)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${listening.port}: the port is in use; stop what uses it, or take another port`,
    );
  });

  test('a name with an address that is not ours is listened to on those that are', async () => {
    const lookup = async () => ['203.0.113.7', '127.0.0.1'];
    const { listening } = await echoServer('localhost:0', { lookup });
    expect(listening.addresses).toEqual([`udp://127.0.0.1:${listening.port}`]);
  });
});
