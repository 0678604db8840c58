import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { EchoRequest, EchoResponse } from '../../../generated/test/v1/test.js';
import { MessageEncoder } from '../../../src/rpc/message-encoder.js';
import { type MessageCodec } from '../../../src/rpc/service-definition.js';

/** The second message on: the first tells how a codec writes. */
function encoderOf(codec: MessageCodec, first: unknown = {}): MessageEncoder {
  const encoder = new MessageEncoder(codec);
  encoder.encode(first);
  return encoder;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

test('a large field stays the array that it is, between the pieces around it', () => {
  const payload = new Uint8Array(100_000).fill(7);
  const pieces = encoderOf(EchoRequest).encode({ payload, delayMs: 5 });
  expect(pieces[1]).toBe(payload);
  expect(pieces).toHaveLength(3);
  expect(EchoRequest.decode(joined(pieces))).toMatchObject({ payload, delayMs: 5 });
});

test('gives the same bytes as the codec by itself, whatever the sizes', () => {
  const encoder = encoderOf(EchoRequest);
  fc.assert(
    fc.property(fc.nat(20_000), fc.nat(), fc.string(), (size, delayMs, failWithDetails) => {
      const message = { payload: new Uint8Array(size).fill(3), delayMs, failWithCode: 0, failWithDetails };
      expect(joined(encoder.encode(message))).toEqual(EchoRequest.encode(message).finish());
    }),
  );
});

test('as one array it is nobody else’s, whatever it is made of', () => {
  const payload = new Uint8Array(10_000).fill(7);
  const whole = encoderOf(EchoRequest).encodeWhole({ payload, delayMs: 5 });
  payload.fill(0);
  expect(EchoRequest.decode(whole)).toMatchObject({ payload: new Uint8Array(10_000).fill(7), delayMs: 5 });
  expect(encoderOf(EchoResponse).encodeWhole({})).toHaveLength(0);
});

test('an empty message is one empty piece', () => {
  expect(encoderOf(EchoResponse).encode({})).toEqual([new Uint8Array(0)]);
});

test('what stands inside of another message is copied: its length comes before it', () => {
  const inner = new Uint8Array(50_000).fill(9);
  const codec: MessageCodec = {
    encode: (message: Uint8Array, writer: BinaryWriter = new BinaryWriter()) =>
      writer.uint32(10).fork().uint32(10).bytes(message).join(),
    decode: (bytes) => bytes,
  };
  const pieces = encoderOf(codec, inner).encode(inner);
  expect(pieces).toHaveLength(1);
  expect(pieces[0]?.length).toBe(1 + 3 + 1 + 3 + inner.length);
});

test('a codec that throws in the middle leaves nothing to the next message', () => {
  const codec: MessageCodec = {
    encode: (message: { readonly fails: boolean }, writer: BinaryWriter = new BinaryWriter()) => {
      writer.uint32(10).bytes(new Uint8Array(5_000)).uint32(18).fork();
      if (message.fails) throw new Error('no such value');
      return writer.join();
    },
    decode: (bytes) => bytes,
  };
  const encoder = encoderOf(codec, { fails: false });
  const expected = joined(encoder.encode({ fails: false }));
  expect(() => encoder.encode({ fails: true })).toThrow('no such value');
  expect(encoderOf(EchoResponse).encode({})).toEqual([new Uint8Array(0)]);
  expect(joined(encoder.encode({ fails: false }))).toEqual(expected);
});

test('a codec with a writer of its own is given none, and makes one piece', () => {
  const given: unknown[] = [];
  const codec: MessageCodec = {
    encode: (message: string, writer?: unknown) => {
      given.push(writer);
      return { finish: () => Uint8Array.of(message.length) };
    },
    decode: (bytes) => bytes,
  };
  const encoder = encoderOf(codec, 'one');
  expect(encoder.encode('four')).toEqual([Uint8Array.of(4)]);
  expect(given).toEqual([undefined, undefined]);
});

test('codecs may be without fromPartial, as static modules of protobufjs are', () => {
  const codec: MessageCodec = {
    encode: (message: string) => ({ finish: () => Uint8Array.of(message.length) }),
    decode: (bytes) => 'x'.repeat(bytes[0] ?? 0),
  };
  expect(new MessageEncoder(codec).encodeWhole('four')).toEqual(Uint8Array.of(4));
});

test('what was left out is encoded by its default', () => {
  expect(EchoRequest.decode(new MessageEncoder(EchoRequest).encodeWhole({ delayMs: 5 }))).toEqual({
    payload: new Uint8Array(0),
    delayMs: 5,
    failWithCode: 0,
    failWithDetails: '',
  });
});
