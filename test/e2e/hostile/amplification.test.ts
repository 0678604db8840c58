/**
 * A hello from a forged address: whoever lives there must not be sent more than three times what the forger sent, ever,
 * however long the server's certificates are.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type ServerOptions } from '../../../src/index.js';
import { certificates, type Identity, makeIdentity } from '../../support/certificates.js';
import { DatagramRelay } from '../../support/datagram-relay.js';
import { closeAll, closeLater, connectTo, serveEcho } from '../../support/tls-fixture.js';

afterEach(closeAll);

/** How long the server keeps on trying; the default is 10 s. */
const HANDSHAKE_MS = process.env['UDPRPC_LONG'] === '1' ? 30_000 : 1_500;

/** A certificate for 127.0.0.1 and the eight between it and its authority. */
async function chainOfNine(): Promise<Identity> {
  let by = (await certificates()).authority;
  let chain = '';
  for (let depth = 0; depth < 8; depth++) {
    by = await makeIdentity(`authority ${depth}, of a rather long name to be written on paper`, {
      by,
      isAuthority: true,
    });
    chain = `${by.cert}\n${chain}`;
  }
  const leaf = await makeIdentity('leaf', { by, names: ['localhost'], address: '127.0.0.1' });
  return { cert: `${leaf.cert}\n${chain}`, key: leaf.key };
}

/** The first datagrams of a real client, which never gets an answer. */
async function helloOf(port: number): Promise<readonly Uint8Array[]> {
  const { authority } = await certificates();
  const seen: Uint8Array[] = [];
  let report: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (report = resolve));
  const relay = await DatagramRelay.open(port, () => ({ bytes }) => {
    seen.push(bytes);
    report();
    return [];
  });
  closeLater(() => relay.close());
  const { channel, client } = connectTo(relay.port, { tls: { ca: authority.cert } });
  const call = client.echo({ payload: Uint8Array.of(1) }, { retry: false }).catch(() => undefined);
  await first;
  await channel.close();
  await call;
  return seen.slice(0, 1);
}

interface Received {
  readonly bytes: number;
  readonly datagrams: number;
}

/** Sends these once, from an address of its own, and counts what comes there until the server has given up. */
async function answersTo(
  options: ServerOptions,
  change: (hello: Uint8Array) => Uint8Array,
): Promise<Received> {
  const { server, port } = await serveEcho({ ...options, transport: { handshakeTimeoutMs: HANDSHAKE_MS } });
  const hello = await helloOf(port);
  const socket = createSocket('udp4');
  closeLater(
    () =>
      new Promise<void>((resolve) =>
        socket.close(() => {
          resolve();
        }),
      ),
  );
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let bytes = 0;
  let datagrams = 0;
  socket.on('message', (message) => {
    bytes += message.length;
    datagrams++;
  });
  const gone = new Promise<void>((resolve) => {
    server.once('connectionClosed', () => {
      resolve();
    });
  });
  for (const datagram of hello) socket.send(change(datagram), port, '127.0.0.1');
  // A second, honest one of a client that is silent from then on shows when the server has given up both.
  const witness = createSocket('udp4');
  closeLater(
    () =>
      new Promise<void>((resolve) =>
        witness.close(() => {
          resolve();
        }),
      ),
  );
  for (const datagram of await helloOf(port)) witness.send(datagram, port, '127.0.0.1');
  await gone;
  await server.shutdown({ graceMs: 0 });
  return { bytes, datagrams };
}

test.each([
  ['one certificate', async () => (await certificates()).localServer],
  ['nine certificates', chainOfNine],
])(
  '[AMP-1] a hello and then silence, at a server with %s: at most three times as much comes back',
  async (name, tlsOf) => {
    const received = await answersTo({ tls: await tlsOf() }, (hello) => hello);
    console.log(
      `a hello of 1,200 B, ${name}: ${received.bytes} B in ${received.datagrams} datagrams, ${(received.bytes / 1_200).toFixed(2)}x`,
    );
    expect(received.bytes).toBeGreaterThan(0);
    expect(received.bytes).toBeLessThanOrEqual(3 * 1_200);
  },
  HANDSHAKE_MS + 10_000,
);

test(
  '[AMP-1] a hello of less than 1,200 bytes gets nothing',
  async () => {
    const { localServer } = await certificates();
    const received = await answersTo({ tls: localServer }, (hello) => hello.subarray(0, 1_199));
    expect(received).toEqual({ bytes: 0, datagrams: 0 });
  },
  HANDSHAKE_MS + 10_000,
);
