import { type PacketBuilder } from '../../../../src/transport/connection/packet-builder.js';
import { AckFrequency } from '../../../../src/transport/recovery/ack-frequency.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { decodeFrame, type Frame } from '../../../../src/transport/wire/frame.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';

/** What one packet says, undefined when it says nothing. */
function said(
  frequency: AckFrequency,
  packetsInFlight: number,
  packetThreshold = 3,
  room = 100,
): Frame | undefined {
  const writer = new ByteWriter(new Uint8Array(room));
  const packet: PacketBuilder = {
    space: PacketSpace.PROTECTED,
    writer,
    frames: [],
    isAckEliciting: false,
  };
  frequency.writeFrames(packet, packetsInFlight, packetThreshold);
  expect(packet.isAckEliciting).toBe(writer.offset > 0);
  if (writer.offset === 0) return undefined;
  const frame = decodeFrame(new ByteReader(writer.bytes, 0, writer.offset), PacketSpace.PROTECTED);
  expect(packet.frames).toEqual([
    { kind: 'ackFrequency', sequence: frame.type === FrameType.ACK_FREQUENCY ? frame.sequence : -1 },
  ]);
  return frame;
}

function frame(sequence: number, ackThreshold: number, reorderingThreshold: number): Frame {
  return { type: FrameType.ACK_FREQUENCY, sequence, ackThreshold, reorderingThreshold };
}

test('[ACK-8] little in flight needs no word: an ACK at every second packet is what a receiver does', () => {
  const frequency = new AckFrequency();
  for (let number = 0; number < 100; number++) expect(said(frequency, number % 32)).toBeUndefined();
});

test('[ACK-8] an eighth of the flight, said again when it has doubled, and at most 64', () => {
  const frequency = new AckFrequency();
  const words: (Frame | undefined)[] = [];
  for (let inFlight = 0; inFlight < 2_000; inFlight++) {
    const word = said(frequency, inFlight);
    if (word !== undefined) words.push(word);
  }
  expect(words).toEqual([frame(0, 4, 3), frame(1, 8, 3), frame(2, 16, 3), frame(3, 32, 3), frame(4, 64, 3)]);
});

test('short dips of the flight change nothing; a small flight is acknowledged as at first', () => {
  const frequency = new AckFrequency();
  expect(said(frequency, 256)).toEqual(frame(0, 32, 3));
  for (let number = 0; number < 40; number++) expect(said(frequency, 10)).toBeUndefined();
  expect(said(frequency, 256)).toBeUndefined();
  let last: Frame | undefined;
  for (let number = 0; number < 300; number++) last = said(frequency, 10) ?? last;
  expect(last).toMatchObject({ ackThreshold: 2, reorderingThreshold: 1 });
});

test('a packet threshold that grew is told', () => {
  const frequency = new AckFrequency();
  said(frequency, 256);
  expect(said(frequency, 256, 5)).toBeUndefined();
  expect(said(frequency, 256, 6)).toEqual(frame(1, 32, 6));
});

test('a lost word is said again, with a new number, unless a newer one was said', () => {
  const frequency = new AckFrequency();
  said(frequency, 256);
  frequency.onLost(0);
  expect(said(frequency, 256)).toEqual(frame(1, 32, 3));
  expect(said(frequency, 512)).toEqual(frame(2, 64, 3));
  frequency.onLost(1);
  expect(said(frequency, 512)).toBeUndefined();
});

test('it waits for a packet with room', () => {
  const frequency = new AckFrequency();
  expect(said(frequency, 256, 3, 3)).toBeUndefined();
  expect(said(frequency, 256, 3, 4)).toEqual(frame(0, 32, 3));
});
