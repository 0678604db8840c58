import { type PacketBuilder } from '../../../../src/transport/connection/packet-builder.js';
import { LocalIds } from '../../../../src/transport/path/local-ids.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { decodeFrame } from '../../../../src/transport/wire/frame.js';
import { errorWithCode } from '../../../support/transport-error.js';

const PEER = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);

function issued(number: number): Uint8Array {
  return new Uint8Array(8).fill(number);
}

function start(peerLimit: number, role: 'client' | 'server') {
  const retired: number[] = [];
  let count = 0;
  const ids = new LocalIds(
    issued(0),
    {
      issue: () => issued(++count),
      retire: (id) => retired.push(id[0] ?? -1),
      resetToken: (id) => new Uint8Array(16).fill(100 + (id[0] ?? 0)),
    },
    4,
  );
  ids.onConfirmed(peerLimit, role);
  return { ids, retired };
}

/** The frames that it writes into a packet of so many bytes. */
function written(ids: LocalIds, room = 1_000): unknown[] {
  const packet: PacketBuilder = {
    space: PacketSpace.PROTECTED,
    writer: new ByteWriter(new Uint8Array(room)),
    frames: [],
    isAckEliciting: false,
  };
  ids.writeFrames(packet);
  const reader = new ByteReader(packet.writer.bytes.subarray(0, packet.writer.offset));
  const sequences: unknown[] = [];
  while (reader.remaining > 0) {
    const frame = decodeFrame(reader, PacketSpace.PROTECTED);
    if (!('connectionId' in frame)) throw new Error('another frame');
    expect(frame.connectionId[0]).toBe(frame.sequence);
    expect(frame.resetToken[0]).toBe(100 + frame.sequence);
    sequences.push(frame.sequence);
  }
  expect(packet.frames).toEqual(sequences.map((sequence) => ({ kind: 'newConnectionId', sequence })));
  expect(packet.isAckEliciting).toBe(sequences.length > 0);
  return sequences;
}

describe('our connection IDs', () => {
  test.each([
    [2, 2],
    [3, 3],
    [1_000, 4],
  ])('[MIG-1] are as many as the peer keeps (%i), but not above our own limit', (peerLimit, count) => {
    const { ids } = start(peerLimit, 'client');
    expect(ids.ids).toHaveLength(count);
    expect(written(ids)).toEqual(Array.from({ length: count - 1 }, (_, index) => index + 1));
    expect(ids.hasFramesToSend).toBe(false);
  });

  test('[MIG-2] a server repeats its first one, for its token', () => {
    expect(written(start(2, 'server').ids)).toEqual([0, 1]);
  });

  test('[MIG-1] all of them lead to us, and no other', () => {
    const { ids } = start(4, 'client');
    for (let number = 0; number < 4; number++) expect(ids.has(issued(number))).toBe(true);
    expect(ids.has(issued(4))).toBe(false);
    expect(ids.has(PEER)).toBe(false);
    expect(ids.has(new Uint8Array(7))).toBe(false);
  });

  test('[REC-3] are told again after a loss, unless told or retired meanwhile', () => {
    const { ids } = start(4, 'server');
    written(ids);
    for (const sequence of [0, 1, 2]) ids.onLost(sequence);
    ids.onDelivered(1);
    ids.onRetire(2, PEER);
    expect(written(ids)).toEqual([0, 4]);
    ids.onLost(1);
    ids.onLost(2);
    expect(ids.hasFramesToSend).toBe(false);
  });

  test('those that do not fit into a packet wait for the next', () => {
    const { ids } = start(4, 'client');
    // Type, two numbers, a length, ID and token.
    expect(written(ids, 2 * (1 + 2 + 1 + 8 + 16))).toEqual([1, 2]);
    expect(written(ids)).toEqual([3]);
  });

  test('[MIG-4] one that is retired leads nowhere, is replaced, and means nothing when it comes again', () => {
    const { ids, retired } = start(3, 'client');
    written(ids);
    ids.onRetire(0, PEER);
    ids.onRetire(0, PEER);
    expect(retired).toEqual([0]);
    expect(ids.has(issued(0))).toBe(false);
    expect(written(ids)).toEqual([3]);
    expect(ids.ids.map(([number]) => number)).toEqual([1, 2, 3]);
  });

  test('[MIG-4] retiring what was never told, or what the packet was sent to, breaks the protocol', () => {
    const { ids } = start(4, 'client');
    expect(() => {
      ids.onRetire(1, PEER);
    }).toThrow(errorWithCode('PROTOCOL_VIOLATION'));
    written(ids);
    expect(() => {
      ids.onRetire(4, PEER);
    }).toThrow(errorWithCode('PROTOCOL_VIOLATION'));
    expect(() => {
      ids.onRetire(1, issued(1));
    }).toThrow(errorWithCode('PROTOCOL_VIOLATION'));
    ids.onRetire(3, PEER);
    // Its replacement is made, and not told yet.
    expect(() => {
      ids.onRetire(4, PEER);
    }).toThrow(errorWithCode('PROTOCOL_VIOLATION'));
  });
});
