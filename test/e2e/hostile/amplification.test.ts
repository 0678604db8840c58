/** What comes back to whoever says hello in another's name, and what to whoever does not even say that. */
import { randomBytes } from 'node:crypto';
import { type ServerOptions } from '../../../src/index.js';
import { closeAll, closeLater, connectTo, serveEcho, type TlsServer } from '../../support/tls-fixture.js';
import { certificates, type Identity, makeIdentity } from '../../support/certificates.js';
import { catchHello, HelloForge } from '../../support/hello-forge.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { RawSocket } from '../../support/raw-socket.js';

afterEach(closeAll);

const HELLO_BYTES = 1_200;
const CHAIN_LENGTH = 9;

/** A certificate for this machine, and all of those between it and the authority. */
async function longChain(authority: Identity): Promise<Identity> {
  const names = Array.from({ length: 24 }, (_, i) => `one-of-many-names-${i}.example`);
  const chain: Identity[] = [];
  let by = authority;
  for (let depth = 1; depth < CHAIN_LENGTH; depth++) {
    by = await makeIdentity(`authority ${depth}`, { by, names, isAuthority: true });
    chain.unshift(by);
  }
  const leaf = await makeIdentity('server', { by, names: ['localhost'], address: '127.0.0.1' });
  return { key: leaf.key, cert: [leaf, ...chain].map(({ cert }) => cert).join('\n') };
}

async function open(): Promise<RawSocket> {
  const socket = await RawSocket.open();
  closeLater(() => socket.close());
  return socket;
}

/** Somebody honest gets in only when the server has forgotten the hello: it has no room for two that are half open. */
async function untilForgotten({ port }: TlsServer, options: ServerOptions, authority: Identity) {
  const tls = options.tls && { ca: authority.cert };
  const { client } = connectTo(port, { tls, transport: { initialRttMs: 20, handshakeTimeoutMs: 40_000 } });
  await client.echo({ payload: Uint8Array.of(1) }, { timeoutMs: 40_000 });
}

// Long: three times the default.
const options: ServerOptions = {
  limits: { maxHalfOpen: 1 },
  transport: { initialRttMs: 20, handshakeTimeoutMs: isLong ? 30_000 : 1_500 },
};

test.each([
  ['plaintext', () => undefined],
  ['TLS, one certificate', ({ localServer }: { localServer: Identity }) => localServer],
  [`TLS, ${CHAIN_LENGTH} certificates`, ({ authority }: { authority: Identity }) => longChain(authority)],
])(
  '[AMP-1] one hello and then silence brings back at most three times as much, ever: %s',
  async (title, identityOf) => {
    const made = await certificates();
    const tls = await identityOf(made);
    const server = await serveEcho({ ...options, tls });
    const forge = new HelloForge(await catchHello({ isTls: tls !== undefined }));
    const [small, ordinary] = [await open(), await open()];
    await small.send(forge.make(randomBytes(8), HELLO_BYTES - 1), server.port);
    await ordinary.send(forge.make(randomBytes(8), HELLO_BYTES), server.port);
    await untilForgotten(server, { ...options, tls }, made.authority);
    const factor = ordinary.heardBytes / HELLO_BYTES;
    const sizes = ordinary.heard.map(({ length }) => length).join(', ');
    printFigures(
      `one hello of ${HELLO_BYTES} B, ${title}`,
      `${ordinary.heardBytes} B back (${sizes || 'nothing'})`,
      `factor ${factor.toFixed(2)}`,
    );
    expect(ordinary.heardBytes).toBeGreaterThan(0);
    expect(factor).toBeLessThanOrEqual(3);
    expect(small.heard).toEqual([]);
    // That of the honest one.
    expect(server.watch.connections).toHaveLength(2);
    expect(server.watch.connections[0]?.isForgotten).toBe(true);
  },
  60_000,
);

test('the long chain is one that honest clients accept', async () => {
  const { authority } = await certificates();
  const chain = await longChain(authority);
  const server = await serveEcho({ tls: chain });
  await untilForgotten(server, { tls: chain }, authority);
  expect(server.echoed).toHaveLength(1);
  // Three quarters of what it is in base64.
  expect(chain.cert.replace(/-----[^-]*-----/g, '').length * 0.75).toBeGreaterThan(8_000);
});
