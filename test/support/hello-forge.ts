/**
 * Hellos of nobody: that of a real client, caught before any server saw it, in other sizes and with other connection IDs. Every
 * one is authentic, because the keys of HELLO packets follow from what they say openly.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import { deriveHelloProtection } from '../../src/driver/packet-keys.js';
import { plaintextHelloProtection } from '../../src/transport/protection/plaintext.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import {
  decodeHeader,
  type HelloHeader,
  patchHelloLength,
  readTruncatedPacketNumber,
  writeHelloHeader,
} from '../../src/transport/wire/header.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { connectTo } from './tls-fixture.js';

/** What a client of TLS, or of plaintext, says first. */
export async function catchHello({ isTls }: { readonly isTls: boolean }): Promise<Uint8Array> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard = once(socket, 'message') as Promise<[Buffer]>;
  const { channel, client } = connectTo(socket.address().port, isTls ? { tls: {} } : {});
  const call = client.add({ key: 'never sent', amount: 1n }, { retry: false }).catch(() => undefined);
  const [hello] = await heard;
  await channel.close();
  await call;
  socket.close();
  return new Uint8Array(hello);
}

export class HelloForge {
  readonly #header: HelloHeader;
  readonly #payload: Uint8Array;

  /** `hello`: a datagram of one packet. */
  constructor(hello: Uint8Array) {
    const header = decodeHeader(hello, 0, 8);
    if (typeof header === 'string' || header.kind !== 'hello') throw new Error('no hello');
    this.#header = header;
    const { opener } = protectionOf(header.version, header.destinationId, 'server');
    const number = readTruncatedPacketNumber(hello, header);
    const payload = opener.open(number, hello, header.headerStart, header.payloadStart, header.packetEnd);
    if (payload === undefined) throw new Error('a hello that does not open');
    // Without its padding, which is frames of type 0.
    this.#payload = payload.slice(0, payload.findLastIndex((byte) => byte !== 0) + 1);
  }

  /** Of a client that has drawn this ID for the server. */
  make(destinationId: Uint8Array, bytes = 1_200): Uint8Array {
    const { version, sourceId, token } = this.#header;
    const { sealer } = protectionOf(version, destinationId, 'client');
    const datagram = new Uint8Array(bytes);
    const writer = new ByteWriter(datagram);
    const ids = { version, destinationId, sourceId, token };
    const lengthPosition = writeHelloHeader(writer, { ...ids, packetNumber: 0, packetNumberLength: 1 });
    const payloadStart = writer.offset;
    writer.write(this.#payload);
    patchHelloLength(datagram, lengthPosition, bytes - payloadStart + 1);
    sealer.seal(0, datagram, 0, payloadStart, bytes - sealer.overhead);
    return datagram;
  }
}

function protectionOf(version: number, originalDestinationId: Uint8Array, role: 'client' | 'server') {
  return version === ProtocolVersion.TLS
    ? deriveHelloProtection(originalDestinationId, role)
    : plaintextHelloProtection(crc32)(version, originalDestinationId);
}
