import { HandshakeStream } from '../../../../src/transport/protection/handshake-stream.js';
import { type PacketBuilder } from '../../../../src/transport/connection/packet-builder.js';
import { PacketSpace, type SentFrame } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';

function builder(space: PacketSpace, room: number): PacketBuilder {
  return { space, writer: new ByteWriter(new Uint8Array(room)), frames: [], isAckEliciting: false };
}

function written(stream: HandshakeStream, space: PacketSpace, room = 1_000): SentFrame[] {
  const packet = builder(space, room);
  stream.writeFrames(packet);
  return packet.frames;
}

const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);

describe('the handshake stream, sending', () => {
  test('fills packets and sends nothing twice', () => {
    const stream = new HandshakeStream(65_536);
    stream.write(bytes(150));
    expect(written(stream, PacketSpace.HELLO, 104)).toEqual([{ kind: 'handshake', offset: 0, length: 100 }]);
    expect(written(stream, PacketSpace.HELLO, 104)).toEqual([{ kind: 'handshake', offset: 100, length: 50 }]);
    expect(stream.hasFramesToSend(PacketSpace.HELLO)).toBe(false);
  });

  test('sends again what was lost, but not what meanwhile arrived', () => {
    const stream = new HandshakeStream(65_536);
    stream.write(bytes(60));
    written(stream, PacketSpace.HELLO);
    stream.onDelivered(20, 10);
    stream.onLost(0, 60);
    expect(written(stream, PacketSpace.HELLO)).toEqual([
      { kind: 'handshake', offset: 0, length: 20 },
      { kind: 'handshake', offset: 30, length: 30 },
    ]);
  });

  test('[HSK-2] what is written after completion travels in PROTECTED packets, what came before in HELLO', () => {
    const stream = new HandshakeStream(65_536);
    stream.write(bytes(10));
    stream.onComplete();
    stream.write(bytes(5));
    expect(written(stream, PacketSpace.PROTECTED)).toEqual([{ kind: 'handshake', offset: 10, length: 5 }]);
    expect(written(stream, PacketSpace.HELLO)).toEqual([{ kind: 'handshake', offset: 0, length: 10 }]);
    stream.onLost(0, 10);
    expect(stream.hasFramesToSend(PacketSpace.PROTECTED)).toBe(false);
    stream.onHelloDiscarded();
    expect(stream.hasFramesToSend(PacketSpace.HELLO)).toBe(false);
  });
});

test('what is let go of is not missed: later bytes keep their offsets and their content', () => {
  const stream = new HandshakeStream(65_536);
  stream.write(bytes(10, 1));
  written(stream, PacketSpace.HELLO);
  stream.onDelivered(0, 10);
  stream.write(bytes(5, 2));
  const packet = builder(PacketSpace.HELLO, 100);
  stream.writeFrames(packet);
  expect(packet.frames).toEqual([{ kind: 'handshake', offset: 10, length: 5 }]);
  expect(packet.writer.bytes.slice(packet.writer.offset - 5, packet.writer.offset)).toEqual(bytes(5, 2));
  stream.onLost(0, 10);
  expect(stream.hasFramesToSend(PacketSpace.HELLO)).toBe(false);
  stream.onFrame(0, Uint8Array.of(1, 2));
  expect(stream.read()).toEqual(Uint8Array.of(1, 2));
  stream.onFrame(4, Uint8Array.of(5));
  stream.onFrame(1, Uint8Array.of(9, 3, 4));
  expect(stream.read()).toEqual(Uint8Array.of(3, 4, 5));
});

describe('the handshake stream, receiving', () => {
  test('gives bytes in order, each once, whatever the order of arrival', () => {
    const stream = new HandshakeStream(65_536);
    stream.onFrame(3, Uint8Array.of(4, 5));
    expect(stream.read()).toBeUndefined();
    stream.onFrame(0, Uint8Array.of(1, 2, 3));
    expect(stream.read()).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
    stream.onFrame(0, Uint8Array.of(1, 2, 3));
    expect(stream.read()).toBeUndefined();
  });

  test('[HSK-3] the first bytes at an offset win', () => {
    const stream = new HandshakeStream(65_536);
    stream.onFrame(1, Uint8Array.of(2, 3));
    stream.onFrame(0, Uint8Array.of(1, 9, 9, 4));
    expect(stream.read()).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test('[HSK-3] more than the limit is an error', () => {
    const stream = new HandshakeStream(100);
    stream.onFrame(90, bytes(10));
    expect(() => {
      stream.onFrame(90, bytes(11));
    }).toThrow('a handshake of more than 100 bytes');
  });
});
