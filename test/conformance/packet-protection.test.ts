/** Runs `packet-protection.json` of PROTOCOL §5.2 against the driver's AEAD. */
import { readFileSync } from 'node:fs';
import {
  CIPHER_SUITES,
  type CipherSuite,
  createOpener,
  createSealer,
  deriveHelloProtection,
  expandLabel,
} from '../../src/driver/packet-keys.js';
import { type Opener, type Sealer } from '../../src/transport/protection/protection.js';

interface PacketVector {
  readonly ids: readonly string[];
  readonly name: string;
  readonly secret: string;
  readonly key: string;
  readonly iv: string;
  readonly packetNumber: number;
  readonly header: string;
  readonly payload: string;
  readonly packet: string;
}

interface Vectors {
  readonly hello: readonly (PacketVector & {
    readonly from: 'client' | 'server';
    readonly originalDestinationId: string;
  })[];
  readonly retry: readonly (PacketVector & { readonly originalDestinationId: string })[];
  readonly protected: readonly (PacketVector & {
    readonly suite: string;
    readonly firstSecret: string;
    readonly generation: number;
  })[];
}

const vectors = JSON.parse(
  readFileSync(new URL('vectors/packet-protection.json', import.meta.url), 'utf8'),
) as Vectors;

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function suiteOf(name: string): CipherSuite {
  const suite = CIPHER_SUITES.get(name);
  if (suite === undefined) throw new Error(`no suite ${name}`);
  return suite;
}

function title<T extends PacketVector>(vector: T): readonly [string, T] {
  return [`${vector.ids.map((id) => `[${id}]`).join(' ')} ${vector.name}`, vector];
}

function checkKeys(suite: CipherSuite, vector: PacketVector): void {
  const secret = bytesOf(vector.secret);
  expect(hexOf(expandLabel(suite, secret, 'udprpc key', suite.keyBytes))).toBe(vector.key);
  expect(hexOf(expandLabel(suite, secret, 'udprpc iv', 12))).toBe(vector.iv);
}

function checkPacket(sealer: Sealer, opener: Opener, vector: PacketVector): void {
  const header = bytesOf(vector.header);
  const payload = bytesOf(vector.payload);
  const payloadEnd = header.length + payload.length;
  const packet = new Uint8Array(payloadEnd + sealer.overhead);
  packet.set(header);
  packet.set(payload, header.length);
  expect(sealer.seal(vector.packetNumber, packet, 0, header.length, payloadEnd)).toBe(packet.length);
  expect(hexOf(packet)).toBe(vector.packet);
  const opened = opener.open(vector.packetNumber, packet, 0, header.length, packet.length);
  expect(opened && hexOf(opened)).toBe(vector.payload);
}

describe('packet-protection.json', () => {
  test.each(vectors.hello.map(title))('%s', (_, vector) => {
    checkKeys(suiteOf('TLS_AES_128_GCM_SHA256'), vector);
    const id = bytesOf(vector.originalDestinationId);
    const { sealer } = deriveHelloProtection(id, vector.from);
    const { opener } = deriveHelloProtection(id, vector.from === 'client' ? 'server' : 'client');
    checkPacket(sealer, opener, vector);
  });

  test.each(vectors.retry.map(title))('%s', (_, vector) => {
    checkKeys(suiteOf('TLS_AES_128_GCM_SHA256'), vector);
    const id = bytesOf(vector.originalDestinationId);
    const { retry } = deriveHelloProtection(id, 'server');
    checkPacket(retry.sealer, retry.opener, vector);
    const packet = bytesOf(vector.packet);
    const headerBytes = bytesOf(vector.header).length;
    const other = deriveHelloProtection(id.with(7, 0), 'client').retry.opener;
    expect(other.open(0, packet, 0, headerBytes, packet.length)).toBeUndefined();
  });

  test.each(vectors.protected.map(title))('%s', (_, vector) => {
    const suite = suiteOf(vector.suite);
    checkKeys(suite, vector);
    let sealer = createSealer(suite, bytesOf(vector.firstSecret));
    let opener = createOpener(suite, bytesOf(vector.firstSecret));
    for (let generation = 0; generation < vector.generation; generation++) {
      sealer = sealer.next?.() ?? sealer;
      opener = opener.next?.() ?? opener;
    }
    checkPacket(sealer, opener, vector);
  });
});
