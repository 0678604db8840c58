import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import { generate } from 'selfsigned';
import { HandshakeDuplex } from '../../src/driver/handshake-duplex.js';
import { type TransportMeans } from '../../src/driver/plaintext-means.js';
import { RealRandom } from '../../src/driver/real-random.js';
import { TlsClientSide } from '../../src/driver/tls-client.js';
import { tlsMeans } from '../../src/driver/tls-means.js';
import { type ServerTlsOptions } from '../../src/driver/tls-options.js';
import { TlsServerSide } from '../../src/driver/tls-server.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
} from '../../src/transport/protection/handshake.js';
import { closeAll, connectClient, connector, connect, echoServer } from '../support/udp-fixture.js';

type Kind = HandshakeEvent['kind'];
type EventOf<K extends Kind> = Extract<HandshakeEvent, { kind: K }>;

/** One end of a handshake stream: bytes go to the other end, a turn of the loop later, everything else is kept. */
class End {
  readonly events: HandshakeEvent[] = [];
  readonly sent: Uint8Array[] = [];
  /** Changes what the other end gets to see. */
  onTheWay: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes];
  readonly #handshake: Handshake;
  #other: End | undefined;
  #waiting: (() => void)[] = [];

  constructor(create: CreateHandshake, context: Omit<HandshakeContext, 'wake'>) {
    this.#handshake = create({
      ...context,
      wake: () => {
        setImmediate(() => {
          this.#drain();
        });
      },
    });
  }

  join(other: End): void {
    this.#other = other;
    this.#handshake.start();
    this.#drain();
  }

  until(kind: Kind): Promise<void> {
    if (this.events.some((event) => event.kind === kind)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        if (this.events.some((event) => event.kind === kind)) resolve();
      });
    });
  }

  the<K extends Kind>(kind: K): EventOf<K> {
    const found = this.events.find((event): event is EventOf<K> => event.kind === kind);
    if (found === undefined)
      throw new Error(`no ${kind}, only ${this.events.map((it) => it.kind).join(', ')}`);
    return found;
  }

  get kinds(): readonly Kind[] {
    return this.events.map(({ kind }) => kind);
  }

  onBytes(bytes: Uint8Array): void {
    this.#handshake.onBytes(bytes);
    this.#drain();
  }

  dispose(): void {
    this.#handshake.dispose();
  }

  #drain(): void {
    for (let event = this.#handshake.pollEvent(); event; event = this.#handshake.pollEvent()) {
      this.events.push(event);
      if (event.kind !== 'bytes') continue;
      this.sent.push(event.bytes);
      const pieces = this.onTheWay(event.bytes);
      setImmediate(() => {
        for (const piece of pieces) this.#other?.onBytes(piece);
      });
    }
    for (const check of this.#waiting) check();
  }
}

const certificate = async (altNames: { type: 2 | 7; value?: string; ip?: string }[], commonName = 'server') =>
  generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: altNames }],
  });

let server: { cert: string; private: string };
let other: { cert: string; private: string };
beforeAll(async () => {
  server = await certificate([
    { type: 2, value: 'cam.example' },
    { type: 7, ip: '127.0.0.1' },
  ]);
  other = await certificate([{ type: 2, value: 'cam.example' }], 'other');
});

const ORIGINAL_ID = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const BLOBS = { client: new Uint8Array(70).fill(1), server: new Uint8Array(120).fill(2) };
const ends: End[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) end.dispose();
  await closeAll();
});

interface PairOptions {
  readonly host?: string;
  readonly ca?: string | Buffer;
  readonly client?: { cert: string; private: string };
  readonly ciphers?: string;
  readonly server?: Partial<ServerTlsOptions>;
  readonly serverSide?: TlsServerSide;
}

function pair({ host = 'cam.example', ca = server.cert, client, ciphers, ...options }: PairOptions = {}) {
  const ofSuite = ciphers === undefined ? {} : { ciphers };
  const identity = client === undefined ? {} : { cert: client.cert, key: client.private };
  const common = { version: 0x7573_0001, originalDestinationId: ORIGINAL_ID };
  const clientSide = new TlsClientSide({ host, tls: { ca, ...identity, ...ofSuite } }).createHandshake;
  const { serverSide = new TlsServerSide({ cert: server.cert, key: server.private, ...options.server }) } =
    options;
  const atClient = new End(clientSide, { ...common, role: 'client', localParameters: BLOBS.client });
  const atServer = new End(serverSide.createHandshake, {
    ...common,
    role: 'server',
    localParameters: BLOBS.server,
  });
  ends.push(atClient, atServer);
  return { atClient, atServer };
}

function begin({ atClient, atServer }: ReturnType<typeof pair>): void {
  atServer.join(atClient);
  atClient.join(atServer);
}

/** A TLS server that asks for no ALPN, behind a blob as long as a client's. */
const withoutAlpn: CreateHandshake = ({ localParameters, wake }) => {
  const events: HandshakeEvent[] = [
    { kind: 'bytes', bytes: new Uint8Array([0x40, localParameters.length, ...localParameters]) },
  ];
  const duplex = new HandshakeDuplex({
    onTlsBytes(bytes) {
      events.push({ kind: 'bytes', bytes });
      wake();
    },
    onTlsClosed: () => undefined,
  });
  const tlsServer = createServer({ cert: server.cert, key: server.private });
  let isBlobRead = false;
  return {
    start: () => void tlsServer.emit('connection', duplex),
    onBytes(bytes) {
      if (isBlobRead) duplex.receive(bytes);
      isBlobRead = true;
    },
    pollEvent: () => events.shift(),
    dispose: () => void duplex.destroy(),
  };
};

/** Seals a packet at one end and opens it at the other. */
function carry(
  from: End,
  to: End,
  packetNumber: number,
  change?: (packet: Uint8Array) => void,
): string | undefined {
  const { sealer } = from.the('sealer');
  const { opener } = to.the('opener');
  const header = new TextEncoder().encode('..HEADER');
  const payload = new TextEncoder().encode('payload');
  const packet = new Uint8Array(header.length + payload.length + sealer.overhead);
  packet.set(header);
  packet.set(payload, header.length);
  const end = sealer.seal(packetNumber, packet, 2, header.length, header.length + payload.length);
  expect(end).toBe(packet.length);
  change?.(packet);
  const opened = opener.open(packetNumber, packet, 2, header.length, end);
  return opened && new TextDecoder().decode(opened);
}

describe('TLS over the handshake stream', () => {
  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    '[TLS-2] %s: both ends get keys that fit, and the parameters of the other',
    async (ciphers) => {
      const { atClient, atServer } = pair({ ciphers });
      begin({ atClient, atServer });
      await Promise.all([atClient.until('complete'), atServer.until('complete')]);
      expect(atServer.the('peerParameters').bytes).toEqual(BLOBS.client);
      expect(atClient.the('peerParameters').bytes).toEqual(BLOBS.server);
      for (const packetNumber of [0, 1, 255, 256, 2 ** 32, 2 ** 53 - 1]) {
        expect(carry(atClient, atServer, packetNumber)).toBe('payload');
        expect(carry(atServer, atClient, packetNumber)).toBe('payload');
      }
      // A direction has its own keys, and a packet number its own nonce.
      expect(carry(atClient, atClient, 0)).toBeUndefined();
      for (const at of [2, 7, 8, 14, 15, 30]) {
        const flip = (packet: Uint8Array) => {
          packet[at] = (packet[at] ?? 0) ^ 1;
        };
        expect(carry(atClient, atServer, 3, flip)).toBeUndefined();
      }
    },
  );

  test('[TLS-4] the Finished of the client leaves before its end is complete, the blob before everything', async () => {
    const { atClient, atServer } = pair();
    begin({ atClient, atServer });
    await Promise.all([atClient.until('complete'), atServer.until('complete')]);
    const upToComplete = atClient.kinds.slice(0, atClient.kinds.indexOf('complete') + 1);
    expect(upToComplete).toEqual([
      'bytes',
      'bytes',
      'peerParameters',
      'bytes',
      'sealer',
      'opener',
      'complete',
    ]);
    expect(atClient.sent[0]).toEqual(new Uint8Array([0x40, 70, ...BLOBS.client]));
    expect(atServer.kinds.slice(0, 4)).toEqual(['bytes', 'peerParameters', 'bytes', 'sealer']);
  });

  test('what a channel was given is read when it is made, and not with each connection', async () => {
    const ca = Buffer.from(server.cert);
    const { atClient, atServer } = pair({ ca });
    ca.fill(0);
    begin({ atClient, atServer });
    await Promise.all([atClient.until('complete'), atServer.until('complete')]);
    expect(carry(atClient, atServer, 0)).toBe('payload');
  });

  test('a server follows the way of its promises while there is a handshake, and not longer', async () => {
    const disable = jest.spyOn(AsyncLocalStorage.prototype, 'disable');
    const serverSide = new TlsServerSide({ cert: server.cert, key: server.private });
    const [first, second] = [pair({ serverSide }), pair({ serverSide })];
    begin(first);
    begin(second);
    first.atServer.dispose();
    expect(disable).not.toHaveBeenCalled();
    await second.atServer.until('complete');
    expect(disable).toHaveBeenCalledTimes(1);
    const third = pair({ serverSide });
    begin(third);
    await Promise.all([third.atClient.until('complete'), third.atServer.until('complete')]);
    expect(disable).toHaveBeenCalledTimes(2);
    disable.mockRestore();
  });

  test('bytes may come one by one', async () => {
    const { atClient, atServer } = pair();
    const apart = (bytes: Uint8Array): readonly Uint8Array[] =>
      Array.from(bytes, (byte) => new Uint8Array([byte]));
    atClient.onTheWay = apart;
    atServer.onTheWay = apart;
    begin({ atClient, atServer });
    await Promise.all([atClient.until('complete'), atServer.until('complete')]);
    expect(carry(atServer, atClient, 0)).toBe('payload');
  });

  test('twenty handshakes at once do not get each other’s keys', async () => {
    const common = { version: 1, originalDestinationId: ORIGINAL_ID };
    const serverSide = new TlsServerSide({ cert: server.cert, key: server.private });
    const pairs = Array.from({ length: 20 }, (_, i) => {
      const blob = new Uint8Array([i]);
      const create = new TlsClientSide({ host: 'cam.example', tls: { ca: server.cert } }).createHandshake;
      const atClient = new End(create, { ...common, role: 'client', localParameters: blob });
      const atServer = new End(serverSide.createHandshake, {
        ...common,
        role: 'server',
        localParameters: blob,
      });
      ends.push(atClient, atServer);
      return { atClient, atServer };
    });
    pairs.forEach(begin);
    await Promise.all(pairs.flatMap((it) => [it.atClient.until('complete'), it.atServer.until('complete')]));
    pairs.forEach(({ atClient, atServer }, i) => {
      expect(carry(atClient, atServer, 0)).toBe('payload');
      expect(carry(atClient, pairs[(i + 1) % 20]?.atServer ?? atServer, 0)).toBeUndefined();
    });
  });

  test.each(['client', 'server'] as const)(
    '[TLS-2] a blob of the %s changed on its way: nothing opens',
    async (side) => {
      const { atClient, atServer } = pair();
      const end = side === 'client' ? atClient : atServer;
      let isFirst = true;
      end.onTheWay = (bytes) => {
        const copy = bytes.slice();
        if (isFirst) copy[10] = 99;
        isFirst = false;
        return [copy];
      };
      begin({ atClient, atServer });
      await Promise.all([atClient.until('complete'), atServer.until('complete')]);
      expect(carry(atClient, atServer, 0)).toBeUndefined();
      expect(carry(atServer, atClient, 0)).toBeUndefined();
    },
  );

  test('bytes of TLS changed on their way: both ends fail, nothing throws', async () => {
    const { atClient, atServer } = pair();
    atServer.onTheWay = (bytes) => [
      bytes.length < 300 ? bytes : bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
    ];
    begin({ atClient, atServer });
    await Promise.all([atClient.until('failed'), atServer.until('failed')]);
    expect(atClient.the('failed').reason).toMatch(/^the TLS handshake failed: /);
    expect(atClient.kinds).not.toContain('sealer');
  });

  test('garbage, and a blob without end, fail with a reason', async () => {
    const { atServer } = pair();
    atServer.join(atServer);
    atServer.onTheWay = () => [];
    atServer.onBytes(new Uint8Array([1, 0, ...new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')]));
    await atServer.until('failed');
    expect(atServer.the('failed').reason).toMatch(/^the TLS handshake (failed|was broken off)/);

    const { atServer: second } = pair();
    second.join(second);
    second.onBytes(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    expect(second.the('failed').reason).toBe('its transport parameters are too long');
  });

  test.each([
    ['another name', { host: 'other.example' }, /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['another address', { host: '127.0.0.2' }, /ERR_TLS_CERT_ALTNAME_INVALID/],
  ])('a certificate for %s is refused', async (_name, options, reason) => {
    const { atClient, atServer } = pair(options);
    begin({ atClient, atServer });
    await atClient.until('failed');
    expect(atClient.the('failed').reason).toMatch(reason);
    expect(atClient.kinds).not.toContain('sealer');
  });

  test('a certificate for the IP address is accepted', async () => {
    const { atClient, atServer } = pair({ host: '127.0.0.1' });
    begin({ atClient, atServer });
    await Promise.all([atClient.until('complete'), atServer.until('complete')]);
    expect(carry(atServer, atClient, 0)).toBe('payload');
  });

  test('an unknown authority is refused', async () => {
    const { atClient, atServer } = pair({ ca: other.cert });
    begin({ atClient, atServer });
    await atClient.until('failed');
    expect(atClient.the('failed').reason).toMatch(/DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY/);
    expect(atServer.kinds).not.toContain('complete');
  });

  test('[TLS-1] a server that speaks TLS for something else is refused', async () => {
    const { atClient } = pair();
    const context = { role: 'server', version: 1, originalDestinationId: ORIGINAL_ID } as const;
    const stranger = new End(withoutAlpn, { ...context, localParameters: BLOBS.server });
    ends.push(stranger);
    begin({ atClient, atServer: stranger });
    await atClient.until('failed');
    expect(atClient.the('failed').reason).toMatch(/ended with TLSv1\.3, TLS_\w+, ALPN false$/);
    expect(atClient.kinds).not.toContain('sealer');
  });

  test('a client certificate that is missing or unknown fails at the server; a known one does not', async () => {
    const requesting = { requestCert: true, ca: other.cert };
    for (const client of [undefined, server]) {
      const { atClient, atServer } = pair({ server: requesting, ...(client && { client }) });
      begin({ atClient, atServer });
      await atServer.until('failed');
      expect(atServer.kinds).not.toContain('opener');
    }
    const { atClient, atServer } = pair({ server: requesting, client: other });
    begin({ atClient, atServer });
    await Promise.all([atClient.until('complete'), atServer.until('complete')]);
    expect(carry(atClient, atServer, 0)).toBe('payload');
  });

  test('[TLS-4] a ticket spares the next handshake the certificate, where it is of the same server', async () => {
    const common = { version: 0x7573_0001, originalDestinationId: ORIGINAL_ID };
    const serverOf = () => new TlsServerSide({ cert: server.cert, key: server.private });
    const clientSide = new TlsClientSide({ host: 'cam.example', tls: { ca: server.cert } });
    const serverBytes = async (serverSide: TlsServerSide): Promise<number> => {
      const ofClient = { ...common, role: 'client', localParameters: BLOBS.client } as const;
      const ofServer = { ...common, role: 'server', localParameters: BLOBS.server } as const;
      const atClient = new End(clientSide.createHandshake, ofClient);
      const atServer = new End(serverSide.createHandshake, ofServer);
      ends.push(atClient, atServer);
      begin({ atClient, atServer });
      await Promise.all([atClient.until('complete'), atServer.until('complete')]);
      expect(carry(atClient, atServer, 0)).toBe('payload');
      // Tickets are written some turns later.
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      const complete = atServer.kinds.indexOf('complete');
      const flight = atServer.events.slice(0, complete).filter((it) => it.kind === 'bytes');
      return flight.reduce((sum, it) => sum + it.bytes.length, 0);
    };
    const serverSide = serverOf();
    const full = await serverBytes(serverSide);
    // A signature varies by some bytes; a certificate has hundreds.
    const isResumed = async (side: TlsServerSide): Promise<boolean> => (await serverBytes(side)) < full - 300;
    expect(await isResumed(serverSide)).toBe(true);
    expect(await isResumed(serverSide)).toBe(true);
    expect(await isResumed(serverOf())).toBe(false);
  });

  test('disposed, it says nothing more', async () => {
    const { atClient, atServer } = pair();
    begin({ atClient, atServer });
    atClient.dispose();
    const before = atClient.events.length;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(atClient.events).toHaveLength(before);
  });
});

describe('TLS over the real driver', () => {
  const serverMeans = (): TransportMeans =>
    tlsMeans(new TlsServerSide({ cert: server.cert, key: server.private }).createHandshake, new RealRandom());
  const clientMeans = (ca: string): TransportMeans =>
    tlsMeans(new TlsClientSide({ host: '127.0.0.1', tls: { ca } }).createHandshake, new RealRandom());

  test('a connection is made and carries the bytes of a stream', async () => {
    const { listening } = await echoServer('127.0.0.1:0', { means: serverMeans() });
    const client = await connectClient(`127.0.0.1:${listening.port}`, { means: clientMeans(server.cert) });
    await client.ready;
    const sent = new RealRandom().bytes(200_000);
    expect(Buffer.compare(await client.echo(sent), sent)).toBe(0);
  });

  test('a server that the client does not trust gets no call, and the client learns why', async () => {
    const { listening, connections } = await echoServer('127.0.0.1:0', { means: serverMeans() });
    const client = await connectClient(`127.0.0.1:${listening.port}`, { means: clientMeans(other.cert) });
    expect((await client.closed).reason).toMatch(/the TLS handshake failed: .*CERT/);
    expect((await connections[0]?.closed)?.by).toBe('peer');
  });

  test('[TLS-3] the environment cannot switch the verification off', async () => {
    const { listening } = await echoServer('127.0.0.1:0', { means: serverMeans() });
    // In a process of its own: jest gives tests a copy of the environment, which node:tls does not look at.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--import',
        './test/support/typescript.mjs',
        '--input-type=module',
        '--eval',
        `import { deriveHelloProtection } from './src/driver/packet-keys.ts';
         import { plaintextMeans } from './src/driver/plaintext-means.ts';
         import { RealRandom } from './src/driver/real-random.ts';
         import { TlsClientSide } from './src/driver/tls-client.ts';
         import { connectClient } from './test/support/udp-fixture.ts';
         const alive = setTimeout(() => {}, 10_000);
         const client = await connectClient('127.0.0.1:${listening.port}', {
           means: {
             ...plaintextMeans(new RealRandom()),
             createHandshake: new TlsClientSide({ host: '127.0.0.1', tls: { ca: process.env.CA } }).createHandshake,
             helloProtection: (_version, id, role) => deriveHelloProtection(id, role),
           },
         });
         console.log(await Promise.race([client.ready.then(() => 'trusted'), client.closed.then((it) => it.reason)]));
         clearTimeout(alive);`,
      ],
      { timeout: 15_000, env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', CA: other.cert } },
    );
    expect(stdout).toMatch(/the TLS handshake failed: .*CERT/);
  }, 20_000);

  test('a client without TLS is not understood', async () => {
    const { listening, connections } = await echoServer('127.0.0.1:0', { means: serverMeans() });
    const from = connector(`127.0.0.1:${listening.port}`, { transport: { handshakeTimeoutMs: 100 } });
    const connected = await connect(from);
    if (!('client' in connected)) throw new Error(connected.failed);
    expect((await connected.client.closed).by).toBe('handshakeTimeout');
    expect(connections).toEqual([]);
  });
});
