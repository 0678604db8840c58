import { crc32 } from 'node:zlib';
import { type HandshakeEvent } from '../../../../src/transport/protection/handshake.js';
import { type Opener, type Sealer } from '../../../../src/transport/protection/protection.js';
import {
  createPlaintextHandshake,
  createPlaintextProtection,
} from '../../../../src/transport/protection/plaintext.js';

const protection = createPlaintextProtection(crc32);

function sealed(): Uint8Array {
  const packet = new Uint8Array(104).fill(0x5a, 0, 100);
  expect(protection.sealer.seal(0, packet, 0, 10, 100)).toBe(104);
  return packet;
}

describe('plaintext protection', () => {
  test('[PRT-1] is CRC-32 over what is not sent, header and payload, big-endian', () => {
    const packet = Uint8Array.from([0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0, 0, 0, 0]);
    protection.sealer.seal(0, packet, 0, 1, 9);
    expect(new DataView(packet.buffer).getUint32(9)).toBe(
      crc32(Uint8Array.of(0, 0, 0, 0, ...packet.subarray(0, 9))),
    );
  });

  test('[PRT-6] fits its subject only', () => {
    const about = (...subject: number[]) => createPlaintextProtection(crc32, Uint8Array.from(subject));
    const packet = new Uint8Array(104).fill(0x5a, 0, 100);
    about(1, 2).sealer.seal(7, packet, 0, 10, 100);
    expect(about(1, 2).opener.open(7, packet, 0, 10, 104)).toBeDefined();
    for (const other of [about(), about(1), about(1, 3), about(2, 1)]) {
      expect(other.opener.open(7, packet, 0, 10, 104)).toBeUndefined();
    }
  });

  test('[PRT-1] opens what it sealed, and the payload is what was put in', () => {
    const packet = sealed();
    expect(protection.opener.open(0, packet, 0, 10, 104)).toEqual(new Uint8Array(90).fill(0x5a));
  });

  test('[PRT-2] any flipped bit, in the header too, is not opened', () => {
    for (let bit = 0; bit < 104 * 8; bit++) {
      const packet = sealed();
      packet[bit >> 3] = (packet[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(protection.opener.open(0, packet, 0, 10, 104)).toBeUndefined();
    }
  });

  test('a packet is opened under its whole packet number only [PRT-5]', () => {
    const first = 0x41;
    const packet = new Uint8Array(104).fill(first, 0, 100);
    const number = 3 * 0x1_0000 + 5;
    protection.sealer.seal(number, packet, 0, 10, 100);
    expect(protection.opener.open(number, packet, 0, 10, 104)).toBeDefined();
    for (const other of [5, number - 0x1_0000, number + 0x1_0000, number + 2 ** 40]) {
      expect(protection.opener.open(other, packet, 0, 10, 104)).toBeUndefined();
    }
  });

  test('a flipped length of the packet number is noticed, whatever the number', () => {
    for (let number = 0; number < 2_000; number++) {
      for (const flip of [1, 2, 3]) {
        const packet = new Uint8Array(104).fill(0x40, 0, 100);
        protection.sealer.seal(number, packet, 0, 10, 100);
        packet[0] = 0x40 ^ flip;
        for (const other of [number, number % 256, 0]) {
          expect(protection.opener.open(other, packet, 0, 10, 104)).toBeUndefined();
        }
      }
    }
  });

  test('the unsent part of the packet number stands before the packet [PRT-5]', () => {
    const packet = new Uint8Array(104).fill(0x40, 0, 100);
    protection.sealer.seal(0x01_02_03_04_05_06, packet, 0, 10, 100);
    const whole = Uint8Array.of(2, 3, 4, 5, ...packet.subarray(0, 100));
    expect(new DataView(packet.buffer).getUint32(100)).toBe(crc32(whole));
  });

  test('a packet too short for its checksum is not opened', () => {
    expect(protection.opener.open(0, new Uint8Array(20), 0, 18, 20)).toBeUndefined();
  });
});

function eventsOf(handshake: { pollEvent(): HandshakeEvent | undefined }): HandshakeEvent[] {
  const events: HandshakeEvent[] = [];
  for (let e = handshake.pollEvent(); e !== undefined; e = handshake.pollEvent()) events.push(e);
  return events;
}

function handshake(
  role: 'client' | 'server',
  parameters: Uint8Array,
): ReturnType<ReturnType<typeof createPlaintextHandshake>> {
  return createPlaintextHandshake(crc32)({
    role,
    version: 1,
    originalDestinationId: new Uint8Array(8),
    localParameters: parameters,
    wake: () => undefined,
  });
}

const CLIENT = Uint8Array.of(1, 2, 3);
const SERVER = Uint8Array.of(4, 5);
const OTHER = Uint8Array.of(4, 6);

function bytesIn(events: readonly HandshakeEvent[]): Uint8Array {
  return events.flatMap((event) => (event.kind === 'bytes' ? [event.bytes] : []))[0] ?? new Uint8Array(0);
}

function sealerIn(events: readonly HandshakeEvent[]): Sealer {
  const [sealer] = events.flatMap((event) => (event.kind === 'sealer' ? [event.sealer] : []));
  if (sealer === undefined) throw new Error('no sealer');
  return sealer;
}

function openerIn(events: readonly HandshakeEvent[]): Opener {
  const [opener] = events.flatMap((event) => (event.kind === 'opener' ? [event.opener] : []));
  if (opener === undefined) throw new Error('no opener');
  return opener;
}

function opens(opener: Opener, sealer: Sealer): boolean {
  const packet = new Uint8Array(50);
  const end = sealer.seal(3, packet, 0, 10, 40);
  return opener.open(3, packet, 0, 10, end) !== undefined;
}

describe('the plaintext handshake', () => {
  test('[PRT-4] a client can seal at once, a server only when it has the client parameters', () => {
    const client = handshake('client', Uint8Array.of(1, 2, 3));
    client.start();
    expect(eventsOf(client).map(({ kind }) => kind)).toEqual(['bytes', 'sealer']);
    const server = handshake('server', new Uint8Array(0));
    server.start();
    expect(eventsOf(server).map(({ kind }) => kind)).toEqual(['bytes']);
    server.onBytes(Uint8Array.of(3, 1, 2, 3));
    expect(eventsOf(server)).toMatchObject([
      { kind: 'peerParameters', bytes: Uint8Array.of(1, 2, 3) },
      { kind: 'sealer' },
      { kind: 'opener' },
      { kind: 'complete' },
    ]);
  });

  test('[PRT-6] what each seals, the other opens, and what another server seals, the client does not', () => {
    const [client, server, other] = [
      handshake('client', CLIENT),
      handshake('server', SERVER),
      handshake('server', OTHER),
    ];
    for (const one of [client, server, other]) one.start();
    const ofClient = eventsOf(client);
    const [blob, otherBlob] = [bytesIn(eventsOf(server)), bytesIn(eventsOf(other))];
    server.onBytes(bytesIn(ofClient));
    other.onBytes(bytesIn(ofClient));
    client.onBytes(blob);
    const ofServer = eventsOf(server);
    const opener = openerIn(eventsOf(client));
    expect(opens(openerIn(ofServer), sealerIn(ofClient))).toBe(true);
    expect(opens(opener, sealerIn(ofServer))).toBe(true);
    expect(opens(opener, sealerIn(eventsOf(other)))).toBe(false);
    expect(otherBlob).not.toEqual(blob);
  });

  test('takes the parameters in pieces', () => {
    const server = handshake('server', new Uint8Array(0));
    server.start();
    eventsOf(server);
    const blob = new Uint8Array(2 + 300).fill(9);
    blob.set([0x41, 0x2c]);
    for (let i = 0; i < blob.length - 1; i++) server.onBytes(blob.subarray(i, i + 1));
    expect(eventsOf(server)).toEqual([]);
    server.onBytes(blob.subarray(-1));
    expect(eventsOf(server)[0]).toEqual({ kind: 'peerParameters', bytes: blob.subarray(2) });
  });

  test.each([
    ['too long', [0x80, 0xff, 0xff, 0xff]],
    ['of an absurd length', [0xc0, 0, 0, 0, 0, 0, 0, 1]],
    ['followed by something', [1, 7, 7]],
  ])('[PRT-3] fails for parameters %s', (_what, bytes) => {
    const client = handshake('client', new Uint8Array(0));
    client.start();
    eventsOf(client);
    client.onBytes(Uint8Array.from(bytes));
    expect(eventsOf(client).map(({ kind }) => kind)).toEqual(['failed']);
  });
});
