import fc from 'fast-check';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import {
  decodeHeader,
  encodeVersionNegotiation,
  patchHelloLength,
  readTruncatedPacketNumber,
  writeHelloHeader,
  writeRetryHeader,
  writeShortHeader,
  type Header,
  type HelloHeaderFields,
} from '../../../../src/transport/wire/header.js';
import { type PacketNumberLength } from '../../../../src/transport/wire/packet-number.js';
import { ProtocolVersion } from '../../../../src/transport/wire/version.js';

const connectionId = fc.uint8Array({ maxLength: 20 });
const packetNumberLength = fc.constantFrom<PacketNumberLength>(1, 2, 3, 4);
const helloFields: fc.Arbitrary<HelloHeaderFields> = fc.record({
  version: fc.constant(ProtocolVersion.PLAINTEXT),
  destinationId: connectionId,
  sourceId: connectionId,
  token: fc.uint8Array({ maxLength: 100 }),
  packetNumber: fc.maxSafeNat(),
  packetNumberLength,
});

/** A HELLO packet with `payloadBytes` of payload, at the end of `before` bytes of something else. */
function helloPacket(fields: HelloHeaderFields, payloadBytes: number, before = 0): Uint8Array {
  const writer = new ByteWriter(new Uint8Array(before + 400 + payloadBytes), before);
  const lengthPosition = writeHelloHeader(writer, fields);
  const length = fields.packetNumberLength + payloadBytes;
  patchHelloLength(writer.bytes, lengthPosition, length);
  return writer.bytes.subarray(0, writer.offset + payloadBytes);
}

function kindOf(header: Header | string): string {
  return typeof header === 'string' ? header : header.kind;
}

const plainHello: HelloHeaderFields = {
  version: ProtocolVersion.PLAINTEXT,
  destinationId: new Uint8Array(8).fill(0xd1),
  sourceId: new Uint8Array(8).fill(0x51),
  token: new Uint8Array(0),
  packetNumber: 7,
  packetNumberLength: 2,
};

describe('hello headers', () => {
  test('[HDR-4] [HDR-5] what is written is read, wherever in the datagram it stands', () => {
    fc.assert(
      fc.property(helloFields, fc.nat(1_500), fc.nat(50), (fields, payloadBytes, before) => {
        const datagram = helloPacket(fields, payloadBytes, before);
        const header = decodeHeader(datagram, before, 8);
        if (typeof header === 'string' || header.kind !== 'hello') throw new Error(kindOf(header));
        expect(header).toMatchObject({
          version: fields.version,
          destinationId: fields.destinationId,
          sourceId: fields.sourceId,
          token: fields.token,
          packetNumberLength: fields.packetNumberLength,
          headerStart: before,
          packetEnd: datagram.length,
          payloadStart: datagram.length - payloadBytes,
          packetNumberOffset: datagram.length - payloadBytes - fields.packetNumberLength,
        });
        const truncated = fields.packetNumber % 2 ** (8 * fields.packetNumberLength);
        expect(readTruncatedPacketNumber(datagram, header)).toBe(truncated);
      }),
    );
  });

  test('[HDR-5] the packet ends where its length says; the next one follows', () => {
    const first = helloPacket(plainHello, 30);
    const datagram = new Uint8Array([...first, ...helloPacket({ ...plainHello, packetNumber: 8 }, 20)]);
    const header = decodeHeader(datagram, 0, 8);
    if (typeof header === 'string') throw new Error(header);
    expect(header.packetEnd).toBe(first.length);
    expect(decodeHeader(datagram, header.packetEnd, 8)).toMatchObject({
      kind: 'hello',
      packetEnd: datagram.length,
    });
  });

  test('[HDR-5] every proper prefix of a hello packet is truncated', () => {
    const datagram = helloPacket({ ...plainHello, token: new Uint8Array(70) }, 100);
    for (let length = 0; length < datagram.length; length++) {
      expect(decodeHeader(datagram.subarray(0, length), 0, 8)).toBe('truncated');
    }
    expect(kindOf(decodeHeader(datagram, 0, 8))).toBe('hello');
  });

  test('[HDR-3] a connection ID of 21 bytes is our bug when written', () => {
    const writer = new ByteWriter(new Uint8Array(100));
    expect(() => writeHelloHeader(writer, { ...plainHello, sourceId: new Uint8Array(21) })).toThrow(
      'assertion',
    );
  });

  test('[HDR-5] a length that does not fit into two bytes is our bug', () => {
    expect(() => {
      patchHelloLength(new Uint8Array(2), 0, 0x4000);
    }).toThrow('assertion');
  });
});

describe('short headers', () => {
  test('[HDR-7] what is written is read, to the end of the datagram', () => {
    const fields = fc.record({
      destinationId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      keyPhase: fc.constantFrom<0 | 1>(0, 1),
      packetNumber: fc.maxSafeNat(),
      packetNumberLength,
      before: fc.nat(30),
      payload: fc.uint8Array({ maxLength: 50 }),
    });
    fc.assert(
      fc.property(
        fields,
        ({ destinationId, keyPhase, packetNumber, packetNumberLength: length, before, payload }) => {
          const writer = new ByteWriter(new Uint8Array(before + 9 + length + payload.length), before);
          writeShortHeader(writer, destinationId, keyPhase, packetNumber, length);
          const payloadStart = writer.offset;
          writer.write(payload);
          const header = decodeHeader(writer.bytes, before, 8);
          if (typeof header === 'string' || header.kind !== 'short') throw new Error(kindOf(header));
          expect(header).toEqual({
            kind: 'short',
            destinationId,
            keyPhase,
            headerStart: before,
            packetNumberOffset: payloadStart - length,
            packetNumberLength: length,
            payloadStart,
            packetEnd: writer.bytes.length,
          });
          expect(readTruncatedPacketNumber(writer.bytes, header)).toBe(packetNumber % 2 ** (8 * length));
        },
      ),
    );
  });
});

describe('RETRY headers', () => {
  test('[HDR-9] what is written is read; the token and what protects it run to the end of the datagram', () => {
    const fields = fc.record({
      version: fc.constantFrom(ProtocolVersion.PLAINTEXT, ProtocolVersion.TLS),
      destinationId: connectionId,
      sourceId: connectionId,
      token: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    });
    fc.assert(
      fc.property(fields, ({ token, ...ids }) => {
        const writer = new ByteWriter(new Uint8Array(400));
        writeRetryHeader(writer, { ...ids, token });
        const datagram = writer.bytes.subarray(0, writer.offset);
        const packetEnd = datagram.length;
        const tokenStart = packetEnd - token.length;
        const header = decodeHeader(datagram, 0, 8);
        expect(header).toEqual({ ...ids, kind: 'retry', headerStart: 0, tokenStart, packetEnd });
        expect(decodeHeader(datagram.subarray(0, tokenStart), 0, 8)).toBe('truncated');
      }),
    );
  });
});

describe('version negotiation', () => {
  test('[VER-4] what is encoded is read, whatever fills the first byte', () => {
    const versions = fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(
        connectionId,
        connectionId,
        versions,
        fc.nat(255),
        (destinationId, sourceId, list, randomByte) => {
          const datagram = encodeVersionNegotiation(destinationId, sourceId, list, randomByte);
          expect(decodeHeader(datagram, 0, 8)).toEqual({
            kind: 'versionNegotiation',
            destinationId,
            sourceId,
            versions: list,
            headerStart: 0,
            packetEnd: datagram.length,
          });
        },
      ),
    );
  });
});

describe('bytes that nobody wrote', () => {
  /** Random bytes hardly ever get past the version and the IDs; these start as a long header does. */
  const begun = fc
    .record({
      first: fc.constantFrom(0x80, 0xc0, 0xd0, 0xe0, 0xc3),
      version: fc.constantFrom(0x75700001, 0, 1),
      destinationId: fc.uint8Array({ maxLength: 22 }),
      sourceId: fc.uint8Array({ maxLength: 22 }),
      rest: fc
        .oneof(fc.constantFrom(4, 8), fc.nat(30))
        .chain((length) => fc.uint8Array({ maxLength: length, minLength: length })),
    })
    .map(({ first, version, destinationId, sourceId, rest }) => {
      const bytes = Uint8Array.from([
        ...[first, 0, 0, 0, 0, destinationId.length, ...destinationId],
        ...[sourceId.length, ...sourceId, ...rest],
      ]);
      new DataView(bytes.buffer).setUint32(1, version);
      return bytes;
    });
  const damaged = fc
    .tuple(
      helloFields,
      fc.nat(60),
      fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
      fc.nat(150),
    )
    .map(([fields, payloadBytes, changes, cut]) => {
      const bytes = helloPacket(fields, payloadBytes).slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes.subarray(0, Math.max(0, bytes.length - cut));
    });
  const datagrams = fc.oneof(fc.uint8Array({ maxLength: 80 }), begun, damaged);

  test('decoding them never throws, and every position is within the datagram', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        datagrams,
        fc.constantFrom(0, 0, 0, 1, 5),
        fc.constantFrom(0, 8, 20),
        (datagram, offset, shortIdLength) => {
          const header = decodeHeader(datagram, offset, shortIdLength);
          seen.add(kindOf(header));
          if (typeof header === 'string') return;
          expect(header.headerStart).toBe(offset);
          expect(header.packetEnd).toBeGreaterThan(offset);
          expect(header.packetEnd).toBeLessThanOrEqual(datagram.length);
          if (header.kind === 'hello' || header.kind === 'short') {
            expect(header.payloadStart).toBe(header.packetNumberOffset + header.packetNumberLength);
            expect(header.payloadStart).toBeLessThanOrEqual(header.packetEnd);
            expect(header.packetNumberOffset).toBeGreaterThan(offset);
            expect(readTruncatedPacketNumber(datagram, header)).toBeLessThan(2 ** 32);
          }
        },
      ),
      { numRuns: 5_000 },
    );
    expect([...seen].sort()).toEqual([
      'badVersionList',
      'connectionIdTooLong',
      'fixedBitClear',
      'hello',
      'retry',
      'short',
      'truncated',
      'unknownPacketType',
      'unknownVersion',
      'versionNegotiation',
    ]);
  });
});
