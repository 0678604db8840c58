/** Bytes to frames and headers and back. */
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame } from '../../src/transport/wire/frame.js';
import { writeAck, writeStreamHeader } from '../../src/transport/wire/frame-writer.js';
import {
  decodeHeader,
  readTruncatedPacketNumber,
  writeShortHeader,
} from '../../src/transport/wire/header.js';
import { RangeSet } from '../../src/base/range-set.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

export function* wireCases() {
  const data = new Uint8Array(1_100);
  const writer = new ByteWriter(new Uint8Array(2_000));
  yield {
    name: 'STREAM frame of 1,100 B: write',
    run(count) {
      for (let i = 0; i < count; i++) {
        writer.offset = 0;
        writeStreamHeader(writer, 400, i * 1_100, data.length, false, true);
        writer.write(data);
      }
    },
  };
  yield { name: 'STREAM frame of 1,100 B: decode', run: decoding(writer) };
  for (const rangeCount of [1, 64]) {
    const received = rangesOf(rangeCount);
    const ackWriter = new ByteWriter(new Uint8Array(2_000));
    yield {
      name: `ACK of ${rangeCount} ranges: write`,
      run(count) {
        for (let i = 0; i < count; i++) {
          ackWriter.offset = 0;
          writeAck(ackWriter, received, 250);
        }
      },
    };
    yield { name: `ACK of ${rangeCount} ranges: decode`, run: decoding(ackWriter) };
  }
  yield shortHeaderCase();
}

/** Decodes what the case before it has written. */
function decoding(writer) {
  return (count) => {
    for (let i = 0; i < count; i++) {
      decodeFrame(new ByteReader(writer.bytes, 0, writer.offset), PacketSpace.PROTECTED);
    }
  };
}

function rangesOf(count) {
  const set = new RangeSet();
  for (let i = 0; i < count; i++) set.add(5_000 + 10 * i, 5_008 + 10 * i);
  return set;
}

function shortHeaderCase() {
  const writer = new ByteWriter(new Uint8Array(1_200));
  return {
    name: 'short header: write, decode, packet number',
    run(count) {
      for (let i = 0; i < count; i++) {
        writer.offset = 0;
        writeShortHeader(writer, ID, 0, i, 2);
        readTruncatedPacketNumber(writer.bytes, decodeHeader(writer.bytes, 0, ID.length));
      }
    },
  };
}
