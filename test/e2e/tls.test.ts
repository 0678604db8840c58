/** TLS as a user asks for it: servers and channels with certificates, over real sockets. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PeerCertificate } from '../../src/index.js';
import {
  type ChannelOptions,
  type ChannelTlsOptions,
  createChannel,
  createClient,
  createServer,
  type RequestContext,
  RpcError,
  type Server,
  type ServerOptions,
  type ServerTlsOptions,
  type ServiceImplementation,
  Status,
  TargetError,
  TlsOptionsError,
} from '../../src/index.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { pattern } from '../support/stream-packet.js';
import { type Certificates, certificates, type Identity } from '../support/certificates.js';

let made: Certificates;
beforeAll(async () => {
  made = await certificates();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly server: Server;
  readonly port: number;
  /** Of each call that has come to a handler. */
  readonly seen: (PeerCertificate | undefined)[];
  readonly peers: string[];
}

async function serve(tls: ServerTlsOptions | undefined, options: ServerOptions = {}): Promise<Served> {
  const server = createServer({ ...options, tls });
  const seen: (PeerCertificate | undefined)[] = [];
  const peers: string[] = [];
  const implementation: Partial<ServiceImplementation<typeof TestServiceDefinition, RequestContext>> = {
    echo: async ({ payload }, { peerCertificate, peer }) => {
      seen.push(peerCertificate);
      peers.push(peer);
      return { payload };
    },
    add: async () => {
      seen.push(undefined);
      return { total: 1n };
    },
  };
  server.add(TestServiceDefinition, implementation as ServiceImplementation<typeof TestServiceDefinition>);
  const port = await server.listen('127.0.0.1:0');
  closing.push(() => server.shutdown({ graceMs: 0 }));
  return { server, port, seen, peers };
}

function clientOf(port: number, tls?: ChannelTlsOptions, options: ChannelOptions = {}, host = '127.0.0.1') {
  const channel = createChannel(`udps://${host}:${port}`, { ...options, tls });
  closing.push(() => channel.close());
  return createClient(TestServiceDefinition, channel);
}

const payload = Uint8Array.of(1, 2, 3);
const echo = async (client: ReturnType<typeof clientOf>): Promise<Uint8Array> =>
  (await client.echo({ payload }, { timeoutMs: 5_000 })).payload;

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`not an RpcError: ${String(error)}`);
  return error;
}

const by = ({ cert }: Identity): ChannelTlsOptions => ({ ca: cert });
const fingerprintOf = ({ cert }: Identity): string => new X509Certificate(cert).fingerprint256;

describe('a server with a certificate', () => {
  test.each(['127.0.0.1', 'localhost'])('is trusted by its authority and its name: %s', async (host) => {
    const { port, peers, seen } = await serve(made.localServer);
    const client = clientOf(port, by(made.authority), {}, host);
    expect(await echo(client)).toEqual(payload);
    expect((await client.add({ key: 'a', amount: 1n }, { timeoutMs: 5_000 })).total).toBe(1n);
    expect(peers[0]).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(seen[0]).toBeUndefined();
  });

  test('sends messages of all sizes back as they came, many beside each other', async () => {
    const { port, server } = await serve(made.localServer);
    const client = clientOf(port, { ca: made.authority.cert });
    // So that loopback is found to carry the largest datagrams.
    await client.echo({ payload: pattern(4_000_000) }, { timeoutMs: 10_000 });
    const sizes = [1, 100, 16_383, 16_384, 30_000, 61_440, 65_400, 65_536, 200_000, 1_000_000];
    const sent = Array.from({ length: 100 }, (_call, i) => pattern(sizes[i % sizes.length] ?? 0, i));
    const calls = sent.map(async (message) => client.echo({ payload: message }, { timeoutMs: 20_000 }));
    const answers = await Promise.all(calls);
    answers.forEach((answer, i) => {
      expect(Buffer.compare(answer.payload, sent[i] ?? payload)).toBe(0);
    });
    expect(server.stats().packetsDamaged).toBe(0);
  });

  test('says where it listens', async () => {
    const server = createServer({ tls: made.localServer });
    const addresses = new Promise<readonly string[]>((resolve) => {
      server.on('listening', (listening) => {
        resolve(listening.addresses);
      });
    });
    const port = await server.listen('udps://127.0.0.1:0');
    closing.push(() => server.shutdown());
    expect(await addresses).toEqual([`udps://127.0.0.1:${port}`]);
  });

  test.each([
    [
      'an authority that it does not trust',
      'foreignLocalServer',
      /tls\.ca, or its own fingerprint as tls\.fingerprint256/,
    ],
    ['itself', 'selfSignedLocalServer', /self-signed certificate \(DEPTH_ZERO_SELF_SIGNED_CERT\): give/],
    ['a time that is over', 'expiredLocalServer', /certificate has expired \(CERT_HAS_EXPIRED\): renew it/],
    ['another name', 'server', /ERR_TLS_CERT_ALTNAME_INVALID\): connect to a name that is in it/],
  ] as const)('a client refuses a certificate of %s, and says what to do', async (_of, name, message) => {
    const { port, seen } = await serve(made[name]);
    const error = await failureOf(echo(clientOf(port, by(made.authority))));
    expect(error).toMatchObject({ code: Status.UNAUTHENTICATED, maybeExecuted: false });
    expect(error.details).toMatch(message);
    expect(error.details).not.toContain('\n');
    expect(error.details).toContain(`127.0.0.1:${port}`);
    expect(error.attempts).toBe(1);
    expect(seen).toEqual([]);
  });

  test('a name that is not the target’s is asked for by servername', async () => {
    const { port } = await serve(made.server);
    const client = clientOf(port, { ...by(made.authority), servername: 'cam.example' });
    expect(await echo(client)).toEqual(payload);
  });
});

describe('a pinned certificate', () => {
  test('needs no authority, no name and no date; another one is refused', async () => {
    const { port } = await serve(made.expiredServer);
    const pinned = fingerprintOf(made.expiredServer);
    expect(await echo(clientOf(port, { fingerprint256: pinned }))).toEqual(payload);
    expect(
      await echo(clientOf(port, { fingerprint256: ['00:'.repeat(31) + '00', pinned.toLowerCase()] })),
    ).toEqual(payload);
    const { port: otherPort, seen } = await serve(made.localServer);
    // Also where an authority would vouch for it.
    const error = await failureOf(
      echo(clientOf(otherPort, { ...by(made.authority), fingerprint256: pinned })),
    );
    expect(error).toMatchObject({ code: Status.UNAUTHENTICATED, maybeExecuted: false });
    expect(error.details).toContain(`its fingerprint is ${fingerprintOf(made.localServer)}`);
    expect(seen).toEqual([]);
  });
});

describe('a server that asks for certificates', () => {
  const asking = (): ServerTlsOptions => ({
    ...made.localServer,
    requestCert: true,
    ca: made.authority.cert,
  });

  test('shows handlers the one it has verified', async () => {
    const { port, seen } = await serve(asking());
    const { cert, key } = made.client;
    expect(await echo(clientOf(port, { ...by(made.authority), cert, key }))).toEqual(payload);
    expect(seen[0]).toBeInstanceOf(X509Certificate);
    expect(seen[0]).toMatchObject({ subject: 'CN=client', fingerprint256: fingerprintOf(made.client) });
  });

  test('takes a large one, in a flight of several writes', async () => {
    const { port, seen } = await serve(asking());
    const { cert, key } = made.manyNames;
    expect(await echo(clientOf(port, { ...by(made.authority), cert, key }))).toEqual(payload);
    expect(seen[0]?.subject).toBe('CN=many names');
  });

  test('[TLS-3] refuses a client without one, before any handler, and the client learns why', async () => {
    const { port, seen } = await serve(asking());
    const error = await failureOf(echo(clientOf(port, by(made.authority))));
    expect(error).toMatchObject({ code: Status.UNAUTHENTICATED, maybeExecuted: false, attempts: 1 });
    expect(error.details).toMatch(/certificate/);
    expect(seen).toEqual([]);
  });

  test.each([
    ['foreign', 'foreignClient', /does not trust the client's certificate \(UNABLE_TO_/],
    ['expired', 'expiredClient', /does not trust the client's certificate \(CERT_HAS_EXPIRED\)/],
  ] as const)('refuses one that is %s', async (_kind, name, message) => {
    const { port, seen } = await serve(asking());
    const { cert, key } = made[name];
    const error = await failureOf(echo(clientOf(port, { ...by(made.authority), cert, key })));
    expect(error).toMatchObject({ code: Status.UNAUTHENTICATED, maybeExecuted: false, attempts: 1 });
    expect(error.details).toMatch(message);
    expect(seen).toEqual([]);
  });
});

describe('certificates replaced at run time', () => {
  test('are shown to those who connect from then on, and disturb nobody', async () => {
    const { server, port } = await serve(made.server);
    const old = clientOf(port, { fingerprint256: fingerprintOf(made.server) });
    await echo(old);
    server.setSecureContext(made.renewedServer);
    expect(await echo(clientOf(port, { fingerprint256: fingerprintOf(made.renewedServer) }))).toEqual(
      payload,
    );
    expect(await echo(old)).toEqual(payload);
    expect(() => {
      server.setSecureContext({ cert: made.server.cert, key: made.client.key });
    }).toThrow('the key does not belong to the certificate');
    expect(await echo(clientOf(port, { fingerprint256: fingerprintOf(made.renewedServer) }))).toEqual(
      payload,
    );
  });
});

describe('plaintext and TLS', () => {
  test('a plaintext client is told at once that the server speaks TLS', async () => {
    const { port } = await serve(made.localServer);
    const channel = createChannel(`udp://127.0.0.1:${port}`);
    closing.push(() => channel.close());
    const error = await failureOf(createClient(TestServiceDefinition, channel).echo({ payload }));
    expect(error.details).toContain('the server speaks TLS only: use udps://');
    expect(error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false, attempts: 1 });
  });

  test('a client of TLS is told at once that the server speaks plaintext', async () => {
    const { port } = await serve(undefined);
    const error = await failureOf(clientOf(port, by(made.authority)).echo({ payload }));
    expect(error.details).toContain('the server speaks plaintext only: use udp://');
    expect(error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false, attempts: 1 });
  });

  test('tls for a plaintext target is refused where the channel is made', () => {
    expect(() => createChannel('127.0.0.1:5005', { tls: {} })).toThrow(TargetError);
    expect(() => createChannel('udp://127.0.0.1:5005', { tls: {} })).toThrow(
      'udp://127.0.0.1:5005 means plaintext, and tls was given: use udps://127.0.0.1:5005, or leave tls out',
    );
  });
});

describe('a key log', () => {
  test('[KEY-10] has the same two secrets of a connection at both ends, for its owner alone', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'udprpc-keys-'));
    closing.push(() => rm(directory, { recursive: true }));
    const [ofServer, ofClient] = [join(directory, 'server'), join(directory, 'client')];
    const { port } = await serve({ ...made.localServer, keyLogFile: ofServer });
    await echo(clientOf(port, { ...by(made.authority), keyLogFile: ofClient }));
    const lines = await readFile(ofClient, 'utf8');
    expect(lines).toMatch(
      /^UDPRPC_CLIENT_SECRET [0-9a-f]{16} TLS_\w+ ([0-9a-f]{64,96})\nUDPRPC_SERVER_SECRET [0-9a-f]{16} TLS_\w+ (?!\1)[0-9a-f]{64,96}\n$/,
    );
    expect(await readFile(ofServer, 'utf8')).toBe(lines);
    expect((await stat(ofClient)).mode & 0o777).toBe(0o600);
  });

  test('that cannot be written is told of once, and harms no call', async () => {
    const warnings: string[] = [];
    const keyLogFile = '/no/such/directory/keys';
    const warn = (line: string): void => void warnings.push(line);
    const { port } = await serve({ ...made.localServer, keyLogFile }, { warn });
    expect(await echo(clientOf(port, by(made.authority)))).toEqual(payload);
    expect(await echo(clientOf(port, by(made.authority)))).toEqual(payload);
    expect(warnings.filter((it) => it.includes('tls.keyLogFile cannot be written'))).toHaveLength(1);
  });
});

describe('options of TLS that cannot be are refused in one line', () => {
  test.each([
    ['no key', () => ({ cert: made.server.cert }), 'a server needs cert and key (or pfx)'],
    [
      'another’s key',
      () => ({ cert: made.server.cert, key: made.client.key }),
      'the key does not belong to the certificate',
    ],
    ['no PEM', () => ({ cert: 'hello', key: made.server.key }), 'is not PEM'],
    ['requestCert alone', () => ({ ...made.server, requestCert: true }), 'requestCert needs ca'],
    ['ciphers of old', () => ({ ...made.server, ciphers: 'AES128-SHA' }), '"AES128-SHA" is none of TLS 1.3'],
  ])('server: %s', (_name, tls, message) => {
    expect(() => createServer({ tls: tls() })).toThrow(TlsOptionsError);
    expect(() => createServer({ tls: tls() })).toThrow(message);
  });

  test.each([
    ['cert without key', () => ({ cert: made.client.cert }), 'cert and key belong together'],
    ['a fingerprint of SHA-1', () => ({ fingerprint256: 'AA:BB' }), '"AA:BB" is not a SHA-256 fingerprint'],
    ['a damaged ca', () => ({ ca: '-----BEGIN CERTIFICATE-----\nx' }), 'ca is no certificate in PEM'],
  ])('channel: %s', (_name, tls, message) => {
    expect(() => createChannel('udps://cam.example', { tls: tls() })).toThrow(TlsOptionsError);
    expect(() => createChannel('udps://cam.example', { tls: tls() })).toThrow(message);
  });
});
