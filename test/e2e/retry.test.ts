/** Servers that are flooded with hellos over real sockets, and the honest client that comes all the same. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { crc32 } from 'node:zlib';
import { deriveHelloProtection } from '../../src/driver/packet-keys.js';
import { type UdpAcceptorOptions } from '../../src/driver/udp-acceptor.js';
import { type UdpConnectorOptions } from '../../src/driver/udp-connector.js';
import { ConnectionTransport } from '../../src/transport/endpoint/connection-transport.js';
import { plaintextHelloProtection } from '../../src/transport/protection/plaintext.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { decodeHeader, patchHelloLength, writeHelloHeader } from '../../src/transport/wire/header.js';
import { type TransportParameters } from '../../src/transport/wire/transport-parameters.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { certificates } from '../support/certificates.js';
import { type ClientListener, closeAll, connect, connector, echoServer } from '../support/udp-fixture.js';

const HELLOS = 200;
/** The default of `limits.retryAboveHalfOpen`. */
const HALF_OPEN = 64;
const DEADLINE_MS = 2_000;

afterEach(closeAll);

describe.each(['plaintext', 'TLS'] as const)('a server of %s with 200 half-open hellos', (version) => {
  async function options(): Promise<{ server: Partial<UdpAcceptorOptions>; client: UdpConnectorOptions }> {
    if (version === 'plaintext') return { server: {}, client: {} };
    const { authority, localServer } = await certificates();
    return { server: { tls: localServer }, client: { tls: { ca: authority.cert } } };
  }

  test('[RTY-1] lets an honest client in by RETRY, and then by its token, within its deadline', async () => {
    const { server, client } = await options();
    const { listening, connections } = await echoServer('127.0.0.1:0', server);
    const scheme = version === 'plaintext' ? 'udp' : 'udps';
    const number = version === 'plaintext' ? ProtocolVersion.PLAINTEXT : ProtocolVersion.TLS;
    const { retries } = await flood(listening.port, number);
    expect([connections.length, retries]).toEqual([HALF_OPEN, HELLOS - HALF_OPEN]);

    const from = connector(`${scheme}://127.0.0.1:${listening.port}`, client);
    const startedAt = performance.now();
    const first = await ready(from);
    expect(parametersOf(first)?.retrySourceConnectionId).toHaveLength(8);
    expect(await first.echo(new Uint8Array(5_000))).toHaveLength(5_000);
    expect(performance.now() - startedAt).toBeLessThan(DEADLINE_MS);
    // The token came with the answer.
    const second = await ready(from);
    expect(parametersOf(second)).toBeDefined();
    expect(parametersOf(second)?.retrySourceConnectionId).toBeUndefined();
    expect(await second.echo(new Uint8Array(10))).toHaveLength(10);
  }, 20_000);
});

async function ready(from: ReturnType<typeof connector>): Promise<ClientListener> {
  const connected = await connect(from);
  if ('failed' in connected) throw new Error(connected.failed);
  const { client } = connected;
  const failed = client.closed.then(({ reason }) => Promise.reject(new Error(reason)));
  await Promise.race([client.ready, failed]);
  // What ends it later is not waited for.
  failed.catch(() => undefined);
  return client;
}

function parametersOf({ transport }: ClientListener): TransportParameters | undefined {
  return transport instanceof ConnectionTransport ? transport.connection.peerParameters : undefined;
}

/** From ten sockets, one after the other, each answered before the next one leaves. */
async function flood(port: number, version: number): Promise<{ retries: number }> {
  const sockets = await Promise.all(Array.from({ length: 10 }, bound));
  let retries = 0;
  for (let index = 0; index < HELLOS; index++) {
    const socket = sockets[index % sockets.length];
    if (socket !== undefined && (await isRetried(socket, port, version))) retries++;
  }
  for (const socket of sockets) socket.close();
  return { retries };
}

function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      resolve(socket);
    });
  });
}

function isRetried(socket: Socket, port: number, version: number): Promise<boolean> {
  const { bytes, id } = hello(version);
  return new Promise((resolve) => {
    const onMessage = (answer: Buffer): void => {
      const header = decodeHeader(answer, 0, 8);
      // Of another hello, whose connection goes on asking.
      if (typeof header === 'string' || Buffer.compare(header.destinationId, id) !== 0) return;
      socket.off('message', onMessage);
      resolve(header.kind === 'retry');
    };
    socket.on('message', onMessage);
    socket.send(bytes, port, '127.0.0.1');
  });
}

/** Authentic, and nothing in it but a PING. */
function hello(version: number): { bytes: Uint8Array; id: Uint8Array } {
  const destinationId = new Uint8Array(randomBytes(8));
  const sourceId = new Uint8Array(randomBytes(8));
  const { sealer } =
    version === ProtocolVersion.TLS
      ? deriveHelloProtection(destinationId, 'client')
      : plaintextHelloProtection(crc32)(version, destinationId);
  const writer = new ByteWriter(new Uint8Array(1_300));
  const fields = { version, destinationId, sourceId, token: new Uint8Array(0) };
  const lengthPosition = writeHelloHeader(writer, { ...fields, packetNumber: 0, packetNumberLength: 1 });
  const payloadStart = writer.offset;
  writer.u8(FrameType.PING);
  writer.offset = 1_200;
  patchHelloLength(writer.bytes, lengthPosition, writer.offset + sealer.overhead - payloadStart + 1);
  const end = sealer.seal(0, writer.bytes, 0, payloadStart, writer.offset);
  return { bytes: writer.bytes.subarray(0, end), id: sourceId };
}
