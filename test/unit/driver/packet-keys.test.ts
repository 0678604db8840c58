import { createDecipheriv } from 'node:crypto';
import {
  CIPHER_SUITES,
  createOpener,
  createSealer,
  deriveHelloProtection,
  expandLabel,
} from '../../../src/driver/packet-keys.js';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (array: Uint8Array): string => Buffer.from(array).toString('hex');

const AES_128 = CIPHER_SUITES.get('TLS_AES_128_GCM_SHA256');
if (AES_128 === undefined) throw new Error('the suite is gone');
const HEADER_BYTES = 10;

function seal(packetNumber: number, payload: Uint8Array): Uint8Array {
  if (AES_128 === undefined) throw new Error('the suite is gone');
  const packet = new Uint8Array(HEADER_BYTES + payload.length + 16).fill(7, 0, HEADER_BYTES);
  packet.set(payload, HEADER_BYTES);
  createSealer(AES_128, SECRET).seal(packetNumber, packet, 0, HEADER_BYTES, HEADER_BYTES + payload.length);
  return packet;
}

const SECRET = bytes('c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea');

describe('packet keys', () => {
  test('HKDF-Expand-Label as in RFC 9001 §A.1', () => {
    const initial = bytes('7db5df06e7a69e432496adedb00851923595221596ae2ae9fb8115c1e9ed0a44');
    expect(hex(expandLabel(AES_128, initial, 'client in', 32))).toBe(hex(SECRET));
    expect(hex(expandLabel(AES_128, SECRET, 'quic key', 16))).toBe('1f369613dd76d5467730efcbe3b1a22d');
    expect(hex(expandLabel(AES_128, SECRET, 'quic iv', 12))).toBe('fa044b2f42a3fd3b46fb255c');
  });

  test('the nonce is the IV with the whole packet number in it', () => {
    const key = expandLabel(AES_128, SECRET, 'udprpc key', 16);
    const iv = BigInt(`0x${hex(expandLabel(AES_128, SECRET, 'udprpc iv', 12))}`);
    for (const packetNumber of [0, 1, 0x1234, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]) {
      const packet = seal(packetNumber, bytes('00112233'));
      const nonce = bytes((iv ^ BigInt(packetNumber)).toString(16).padStart(24, '0'));
      const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 });
      decipher.setAAD(packet.subarray(0, HEADER_BYTES));
      decipher.setAuthTag(packet.subarray(-16));
      expect(decipher.update(packet.subarray(HEADER_BYTES, -16), undefined, 'hex')).toBe('00112233');
      decipher.final();
    }
  });

  test.each([
    ['a plain array', (secret: Uint8Array) => secret.slice()],
    ['a Buffer, as TLS exports it', (secret: Uint8Array) => Buffer.from(secret)],
  ])(
    '[KEY-4] the next generation follows from the secret, also when its owner has zeroed it: %s',
    (_, copy) => {
      const followed = expandLabel(AES_128, SECRET, 'udprpc ku', 32);
      const given = copy(SECRET);
      const sealer = createSealer(AES_128, given);
      const opener = createOpener(AES_128, given);
      given.fill(0);
      const packet = new Uint8Array(HEADER_BYTES + 1 + 16);
      createSealer(AES_128, followed).seal(7, packet, 0, HEADER_BYTES, HEADER_BYTES + 1);
      expect(opener.next?.().open(7, packet.slice(), 0, HEADER_BYTES, packet.length)).toEqual(
        Uint8Array.of(0),
      );
      const sealed = new Uint8Array(packet.length);
      sealer.next?.().seal(7, sealed, 0, HEADER_BYTES, HEADER_BYTES + 1);
      expect(sealed).toEqual(packet);
    },
  );

  test('a packet opens under its own number only, as a plain array', () => {
    const packet = seal(5, bytes('aabb'));
    const opener = createOpener(AES_128, SECRET);
    for (const other of [4, 2 ** 32 + 5, 2 ** 40 + 5]) {
      expect(opener.open(other, packet.slice(), 0, HEADER_BYTES, packet.length)).toBeUndefined();
    }
    const opened = opener.open(5, packet, 0, HEADER_BYTES, packet.length);
    expect(opened).toEqual(bytes('aabb'));
    expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype);
  });

  test('a packet too short for a tag does not open', () => {
    const opener = createOpener(AES_128, SECRET);
    for (let length = HEADER_BYTES; length < HEADER_BYTES + 16; length++) {
      expect(opener.open(0, new Uint8Array(length), 0, HEADER_BYTES, length)).toBeUndefined();
    }
  });

  test('HELLO keys follow from the first destination ID, one pair for each direction', () => {
    const id = bytes('0102030405060708');
    const client = deriveHelloProtection(id, 'client');
    const server = deriveHelloProtection(id, 'server');
    const sealed = (by: typeof client): Uint8Array => {
      const packet = new Uint8Array(30 + 16);
      by.sealer.seal(0, packet, 0, 10, 30);
      return packet;
    };
    const opens = (by: typeof client, packet: Uint8Array) =>
      by.opener.open(0, packet, 0, 10, 46) !== undefined;
    expect(opens(server, sealed(client))).toBe(true);
    expect(opens(client, sealed(server))).toBe(true);
    expect(opens(client, sealed(client))).toBe(false);
    expect(opens(deriveHelloProtection(bytes('0102030405060709'), 'server'), sealed(client))).toBe(false);
  });

  test('[KEY-1] hello keys are made once, when they are asked for', () => {
    const protection = deriveHelloProtection(bytes('0102030405060708'), 'client');
    expect(protection.sealer).toBe(protection.sealer);
    expect(protection.opener).toBe(protection.opener);
  });
});
