/** Packets with the right connection IDs by somebody who has not the keys: closes, resets, and what looks like neither. */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { deriveHelloProtection } from '../../../src/driver/packet-keys.js';
import {
  createPlaintextProtection,
  plaintextHelloProtection,
} from '../../../src/transport/protection/plaintext.js';
import { type Sealer } from '../../../src/transport/protection/protection.js';
import { ByteWriter } from '../../../src/transport/wire/byte-writer.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import { writeClose } from '../../../src/transport/wire/frame-writer.js';
import { patchHelloLength, writeHelloHeader, writeShortHeader } from '../../../src/transport/wire/header.js';
import { ProtocolVersion } from '../../../src/transport/wire/version.js';
import { certificates } from '../../support/certificates.js';
import { dropsText } from '../../support/counted-acceptor.js';
import { type Passing } from '../../support/datagram-relay.js';
import { isLong, printFigures } from '../../support/long-run.js';
import { RawSocket } from '../../support/raw-socket.js';
import { RecordedClient, until } from '../../support/recorded-client.js';
import { closeAll, closeLater, serveEcho, type TlsServer } from '../../support/tls-fixture.js';

afterEach(closeAll);

const FORGED = isLong ? 20_000 : 1_000;
const GUESSES = isLong ? 100_000 : 10_000;
const HELLO_BYTES = 1_200;

describe.each([
  ['plaintext', false],
  ['TLS', true],
])('forged packets of %s', (title, isTls) => {
  const version = isTls ? ProtocolVersion.TLS : ProtocolVersion.PLAINTEXT;

  /** Of a connection that is not this one. */
  function foreignSealer(): Sealer {
    return isTls
      ? deriveHelloProtection(randomBytes(8), 'client').sealer
      : createPlaintextProtection(crc32, randomBytes(200)).sealer;
  }

  /** Everybody who has seen the client's first datagram has these. */
  function helloSealer([hello]: readonly Uint8Array[], role: 'client' | 'server'): Sealer {
    const id = hello?.slice(6, 14) ?? new Uint8Array(8);
    return isTls
      ? deriveHelloProtection(id, role).sealer
      : plaintextHelloProtection(crc32)(version, id).sealer;
  }

  function sealedClose(writer: ByteWriter, sealer: Sealer, packetNumber: number, bytes: number): Uint8Array {
    const payloadStart = writer.offset;
    const type = packetNumber % 2 === 0 ? FrameType.CLOSE_TRANSPORT : FrameType.CLOSE_APPLICATION;
    writeClose(writer, type, 0, 'by nobody');
    const end = Math.max(writer.offset, bytes - sealer.overhead);
    return writer.bytes.slice(0, sealer.seal(packetNumber, writer.bytes, 0, payloadStart, end));
  }

  function shortClose(destinationId: Uint8Array, packetNumber: number): Uint8Array {
    const writer = new ByteWriter(new Uint8Array(HELLO_BYTES));
    writeShortHeader(writer, destinationId, packetNumber % 3 === 0 ? 1 : 0, packetNumber, 4);
    return sealedClose(writer, foreignSealer(), packetNumber, 60);
  }

  function longClose(
    destinationId: Uint8Array,
    sourceId: Uint8Array,
    packetNumber: number,
    sealer: Sealer,
  ): Uint8Array {
    const writer = new ByteWriter(new Uint8Array(HELLO_BYTES));
    const ids = { version, destinationId, sourceId, token: new Uint8Array(0) };
    const lengthPosition = writeHelloHeader(writer, { ...ids, packetNumber, packetNumberLength: 4 });
    patchHelloLength(writer.bytes, lengthPosition, HELLO_BYTES - writer.offset + 4);
    return sealedClose(writer, sealer, packetNumber, HELLO_BYTES);
  }

  async function serve(): Promise<TlsServer> {
    const { localServer } = await certificates();
    return serveEcho(isTls ? { tls: localServer } : {});
  }

  async function clientOptions() {
    const { authority } = await certificates();
    return isTls ? { tls: { ca: authority.cert } } : {};
  }

  /** Calls, on the connection that there was. The first may ride in the first flight, the second proves who the client is. */
  async function expectAlive(server: TlsServer, { client }: RecordedClient): Promise<void> {
    for (let i = 0; i < 2; i++) await client.echo({ payload: Uint8Array.of(1) }, { retry: false });
    expect(server.watch.connections).toHaveLength(1);
    expect(server.acceptor.connectionCount).toBe(1);
  }

  test('[CLS-1] closes that nobody has sealed end nothing, and each is counted once', async () => {
    const server = await serve();
    const recorded = await RecordedClient.connect(server, await clientOptions());
    await expectAlive(server, recorded);
    const { serverId, clientId } = recorded;
    const numbers = Array.from({ length: FORGED }, (_, i) => 1_000 + i);
    const before = server.acceptor.drops;
    await recorded.attackServer(
      server,
      numbers.map((number) => shortClose(serverId, number)),
    );
    const sealer = helloSealer(recorded.recorded.client, 'client');
    await recorded.attackServer(
      server,
      numbers.map((number) =>
        longClose(serverId, clientId, number, number % 2 === 0 ? sealer : foreignSealer()),
      ),
    );
    // The client's own may have been taken for the last of them.
    await until(() => server.acceptor.drops.helloAfterConfirmation >= before.helloAfterConfirmation + FORGED);
    const after = server.acceptor.drops;
    expect(after.notAuthentic - before.notAuthentic).toBe(FORGED);
    expect(after.helloAfterConfirmation - before.helloAfterConfirmation).toBe(FORGED);

    const damagedBefore = recorded.packetsDamaged;
    const serverSealer = helloSealer(recorded.recorded.client, 'server');
    await recorded.attackClient([
      ...numbers.map((number) => longClose(clientId, serverId, number, serverSealer)),
      ...numbers.map((number) => shortClose(clientId, number)),
    ]);
    expect(recorded.packetsDamaged - damagedBefore).toBeGreaterThanOrEqual(FORGED);
    await expectAlive(server, recorded);
    printFigures(`forged closes, ${title}`, `${4 * FORGED} sent`, dropsText(after));
  }, 60_000);

  test('[HSK-4] closes with other keys do not disturb a handshake either', async () => {
    const server = await serve();
    let forged = 0;
    const disturb = ({ from, index, bytes }: Passing): readonly Uint8Array[] => {
      if (from === 'client') clientId ??= bytes.slice(15, 23);
      if (from === 'client' || index > 2 || clientId === undefined) return [bytes];
      const serverId = new Uint8Array(randomBytes(8));
      const closes = [longClose(clientId, serverId, index, foreignSealer()), shortClose(clientId, index)];
      forged += closes.length;
      return [...closes, bytes, ...closes];
    };
    let clientId: Uint8Array | undefined;
    const recorded = await RecordedClient.connect(server, await clientOptions(), disturb);
    await expectAlive(server, recorded);
    expect(forged).toBeGreaterThan(0);
  }, 60_000);

  test(`[RST-3] ${GUESSES} guessed resets, and one meant for somebody else, end nothing`, async () => {
    const server = await serve();
    const recorded = await RecordedClient.connect(server, await clientOptions());
    await expectAlive(server, recorded);
    const { clientId } = recorded;
    const guess = (isOfUs: boolean): Uint8Array => {
      const bytes = new Uint8Array(randomBytes(24 + Math.floor(Math.random() * 17)));
      bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
      if (isOfUs) bytes.set(clientId, 1);
      return bytes;
    };
    const damagedBefore = recorded.packetsDamaged;
    await recorded.attackClient(Array.from({ length: GUESSES }, (_, i) => guess(i % 2 === 1)));
    const damaged = recorded.packetsDamaged - damagedBefore;
    expect(damaged).toBeGreaterThanOrEqual(GUESSES / 2);
    await recorded.attackClient([await resetOf(server), guess(true)]);
    await expectAlive(server, recorded);
    printFigures(`guessed resets, ${title}`, `${GUESSES} sent`, `${damaged} with the ID of the connection`);
  }, 60_000);
});

/** What the server says to a client that it does not know. */
async function resetOf({ port }: TlsServer): Promise<Uint8Array> {
  const socket = await RawSocket.open();
  closeLater(() => socket.close());
  const packet = new Uint8Array(randomBytes(100));
  packet[0] = 0x40;
  await socket.send(packet, port);
  await until(() => socket.heard.length > 0);
  return socket.heard[0] ?? packet;
}
