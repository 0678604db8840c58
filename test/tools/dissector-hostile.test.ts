/** Packets that no honest peer sends: the dissector says what is wrong with them, and goes on. */
import { crc32 } from 'node:zlib';
import { createPlaintextProtection } from '../../src/transport/protection/plaintext.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { FrameType } from '../../src/transport/wire/frame-type.js';
import { patchHelloLength, writeHelloHeader } from '../../src/transport/wire/header.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { SeededRandom } from '../../src/sim/seeded-random.js';
import { frameBytes } from '../support/frame-bytes.js';
import { type CapturedDatagram } from '../support/pcap.js';
import { dissect, fieldsOf, SKIPPED, testWithTshark } from '../support/tshark.js';

const SERVER_ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const CLIENT_ID = Uint8Array.of(11, 12, 13, 14, 15, 16, 17, 18);
const NEW_ID = Uint8Array.of(21, 22, 23, 24, 25, 26, 27, 28);
const TOKEN = new Uint8Array(16).fill(0x77);

/** A HELLO of the client whose checksum is right, whatever is in it. */
function hello(packetNumber: number, ...payload: readonly Uint8Array[]): CapturedDatagram {
  const writer = new ByteWriter(new Uint8Array(65_000));
  const lengthPosition = writeHelloHeader(writer, {
    version: ProtocolVersion.PLAINTEXT,
    destinationId: SERVER_ID,
    sourceId: CLIENT_ID,
    token: new Uint8Array(0),
    packetNumber,
    packetNumberLength: 2,
  });
  const payloadStart = writer.offset;
  for (const frame of payload) writer.write(frame);
  patchHelloLength(writer.bytes, lengthPosition, writer.offset + 4 + 2 - payloadStart);
  const { sealer } = createPlaintextProtection(crc32, SERVER_ID);
  const end = sealer.seal(packetNumber, writer.bytes, 0, payloadStart, writer.offset);
  return { from: 'client', bytes: writer.bytes.slice(0, end) };
}

const short = (id: Uint8Array, ...rest: readonly number[]): CapturedDatagram => ({
  from: 'client',
  bytes: Uint8Array.of(0x40, ...id, ...rest),
});

const newConnectionId = Uint8Array.of(FrameType.NEW_CONNECTION_ID, 1, 0, 8, ...NEW_ID, ...TOKEN);

testWithTshark(
  `a connection is known by IDs that were given in it${SKIPPED}`,
  () => {
    const rows = fieldsOf(
      [
        hello(0, newConnectionId),
        short(NEW_ID, 0, 1, 0, 0, 0, 0),
        short(new Uint8Array(8), 0, 1, 0, 0, 0, 0),
      ],
      ['connection', 'protection'],
    );
    expect(rows).toEqual([
      { connection: ['0'], protection: ['checksum good'] },
      { connection: ['0'], protection: ['checksum not verified'] },
      { connection: [], protection: ['of no connection whose beginning was captured'] },
    ]);
  },
  60_000,
);

testWithTshark(
  `a stateless reset is known by its token${SKIPPED}`,
  () => {
    const reset = Uint8Array.of(0x55, ...new Uint8Array(20).fill(9), ...TOKEN);
    const [, row] = fieldsOf(
      [hello(0, newConnectionId), { from: 'server', bytes: reset }],
      ['connection', 'stateless_reset_token'],
    );
    expect(row).toEqual({ connection: ['0'], stateless_reset_token: ['77'.repeat(16)] });
  },
  60_000,
);

testWithTshark(
  `frames that are none are called malformed, and those before them shown${SKIPPED}`,
  () => {
    const cut = frameBytes.resetStream(4, 1, 1_000).slice(0, -1);
    const text = dissect([
      hello(0, frameBytes.ping(), Uint8Array.of(0x3f)),
      hello(1, frameBytes.ping(), cut),
      hello(2, Uint8Array.of(FrameType.ACK, 3, 0, 0, 4)),
      hello(3, frameBytes.stream({ id: 0, data: Uint8Array.of(1, 3, 1, 5, 0) })),
    ]);
    expect(text).toMatch(/Malformed frame: there is no frame of type 0x3f/);
    expect(text).toMatch(/Malformed frame: it is cut short/);
    expect(text).toMatch(/Malformed frame: an ACK range is below 0/);
    expect(text).toMatch(/Malformed unit: it is cut short/);
    expect(text.match(/Frame: PING/g)?.length).toBe(2);
  },
  60_000,
);

testWithTshark(
  `units of any length, in any order, again and again${SKIPPED}`,
  () => {
    const unit = Uint8Array.of(1, 9, 1, 7, ...Buffer.from('a.B/Cde'));
    const piece = (offset: number, end: number): Uint8Array =>
      frameBytes.stream({ id: 0, offset, data: unit.slice(offset, end) });
    const rows = fieldsOf(
      [
        hello(0, piece(6, 11)),
        hello(1, piece(0, 2), piece(0, 2)),
        hello(2, piece(1, 8)),
        hello(3, piece(0, 11)),
        // A message that is said to be as long as can be.
        hello(
          4,
          frameBytes.stream({
            id: 0,
            offset: 11,
            data: Uint8Array.of(2, 0xff, ...new Uint8Array(30).fill(0xff)),
          }),
        ),
      ],
      ['method', 'unit'],
    );
    expect(rows.map(({ method }) => method)).toEqual([[], [], ['a.B/Cde'], [], []]);
  },
  60_000,
);

const below = (random: SeededRandom, count: number): number => random.uint32() % count;

/** Numbers of all lengths, most of them small. */
function anyVarint(random: SeededRandom): number[] {
  const length = [1, 1, 1, 2, 4, 8][below(random, 6)] ?? 1;
  const bytes = Array.from({ length }, () => below(random, 256));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | (Math.log2(length) << 6);
  return bytes;
}

function anyFrame(random: SeededRandom): Uint8Array {
  const varints = Array.from({ length: below(random, 6) }, () => anyVarint(random)).flat();
  const data = Array.from({ length: below(random, 30) }, () =>
    below(random, below(random, 2) === 0 ? 8 : 256),
  );
  return Uint8Array.of(below(random, 0x22), ...varints, ...data);
}

testWithTshark(
  `anything is shown without an error of Lua${SKIPPED}`,
  () => {
    const random = new SeededRandom(1);
    const first = hello(0, newConnectionId).bytes;
    const retry = Uint8Array.of(0xd0, ...first.subarray(1, 5), 8, ...CLIENT_ID, 8, ...NEW_ID, ...TOKEN);
    const datagrams: CapturedDatagram[] = [];
    for (let i = 0; i < 300; i++) {
      const frames = Array.from({ length: 1 + below(random, 4) }, () => anyFrame(random));
      datagrams.push(hello(i, ...frames));
      // Cut anywhere, one bit other, and of random bytes behind something that looks right.
      datagrams.push({ from: 'client', bytes: first.slice(0, 1 + (i % first.length)) });
      datagrams.push({ from: 'server', bytes: retry.slice(0, 1 + (i % retry.length)) });
      const at = below(random, first.length);
      datagrams.push({ from: 'client', bytes: first.with(at, (first[at] ?? 0) ^ (1 << below(random, 8))) });
      const garbage = Uint8Array.from({ length: below(random, 60) }, () => below(random, 256));
      datagrams.push({ from: 'server', bytes: Uint8Array.of(below(random, 256), ...CLIENT_ID, ...garbage) });
    }
    const text = dissect(datagrams, { args: ['-V', '-2'] });
    expect(text.match(/^Frame \d+:/gm)?.length).toBe(datagrams.length);
    expect(text).toMatch(/Malformed/);
    expect(text.match(/.*Lua Error.*|.*Dissector bug.*/gi)).toBe(null);
  },
  120_000,
);
