import { type PacketBuilder } from '../../../../src/transport/connection/packet-builder.js';
import { RemoteIds } from '../../../../src/transport/path/remote-ids.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { type NewConnectionIdFrame } from '../../../../src/transport/wire/frame.js';
import { errorWithCode } from '../../../support/transport-error.js';

const FIRST = new Uint8Array(8).fill(200);

function create(): RemoteIds {
  return new RemoteIds(FIRST, { maxActive: 4, maxRetiring: 16, idBytes: 8 });
}

function frame(sequence: number, change: Partial<NewConnectionIdFrame> = {}): NewConnectionIdFrame {
  return {
    type: FrameType.NEW_CONNECTION_ID,
    sequence,
    retirePriorTo: 0,
    connectionId: sequence === 0 ? FIRST : new Uint8Array(8).fill(sequence),
    resetToken: new Uint8Array(16).fill(sequence + 1),
    ...change,
  };
}

function retiring(ids: RemoteIds): number[] {
  const packet: PacketBuilder = {
    space: PacketSpace.PROTECTED,
    writer: new ByteWriter(new Uint8Array(1_000)),
    frames: [],
    isAckEliciting: false,
  };
  ids.writeFrames(packet);
  return packet.frames.map((sent) => (sent.kind === 'retireConnectionId' ? sent.sequence : -1));
}

describe("the peer's connection IDs", () => {
  test('[MIG-1] each path takes one that none has used', () => {
    const ids = create();
    expect(ids.take()).toBeUndefined();
    ids.onNewConnectionId(frame(1));
    ids.onNewConnectionId(frame(2));
    expect([ids.take()?.sequence, ids.take()?.sequence, ids.take()]).toEqual([1, 2, undefined]);
    expect(ids.first.id).toEqual(FIRST);
  });

  test('[MIG-3] the same frame again changes nothing', () => {
    const ids = create();
    for (let i = 0; i < 100; i++) for (const sequence of [0, 1, 2, 3]) ids.onNewConnectionId(frame(sequence));
    expect([ids.take()?.sequence, ids.take()?.sequence, ids.take()?.sequence, ids.take()]).toEqual([
      1,
      2,
      3,
      undefined,
    ]);
  });

  test.each<[string, Partial<NewConnectionIdFrame>]>([
    ['another ID under the same number', { connectionId: new Uint8Array(8).fill(77) }],
    ['another token', { resetToken: new Uint8Array(16) }],
    ['the same ID under another number', { sequence: 2 }],
    ['an ID of another length', { sequence: 2, connectionId: new Uint8Array(9) }],
    ['a number without a successor', { sequence: 2 ** 53 - 1, connectionId: new Uint8Array(8).fill(77) }],
  ])('[MIG-3] %s breaks the protocol', (_, change) => {
    const ids = create();
    ids.onNewConnectionId(frame(1));
    expect(() => ids.onNewConnectionId(frame(1, change))).toThrow(errorWithCode('PROTOCOL_VIOLATION'));
  });

  test('[MIG-3] more than active_connection_id_limit close the connection', () => {
    const ids = create();
    for (const sequence of [1, 2, 3]) ids.onNewConnectionId(frame(sequence));
    expect(() => ids.onNewConnectionId(frame(4))).toThrow(errorWithCode('CONNECTION_ID_LIMIT_ERROR'));
  });

  test('[MIG-3] retire prior to takes effect before the limit is looked at, and once', () => {
    const ids = create();
    for (const sequence of [1, 2, 3]) ids.onNewConnectionId(frame(sequence));
    expect(ids.onNewConnectionId(frame(4, { retirePriorTo: 3 }))).toBe(true);
    expect(retiring(ids)).toEqual([0, 1, 2]);
    expect(ids.onNewConnectionId(frame(4, { retirePriorTo: 3 }))).toBe(false);
    // Old frames, repeated by the network, bring nothing back.
    ids.onNewConnectionId(frame(1));
    expect(retiring(ids)).toEqual([]);
    expect([ids.take()?.sequence, ids.take()?.sequence, ids.take()]).toEqual([3, 4, undefined]);
  });

  test('[MIG-3] one that comes after it was retired is retired at once', () => {
    const ids = create();
    ids.onNewConnectionId(frame(3, { retirePriorTo: 3 }));
    ids.onNewConnectionId(frame(2));
    expect(retiring(ids)).toEqual([0, 2]);
  });

  test('[MIG-4] RETIRE_CONNECTION_ID is repeated until the peer has it', () => {
    const ids = create();
    ids.onNewConnectionId(frame(1));
    ids.release(ids.first);
    expect(retiring(ids)).toEqual([0]);
    expect(ids.hasFramesToSend).toBe(false);
    ids.onLost(0);
    expect(retiring(ids)).toEqual([0]);
    ids.onDelivered(0);
    ids.onLost(0);
    expect(ids.hasFramesToSend).toBe(false);
  });

  test('[MIG-3] a peer that makes us retire more than we can tell it closes the connection', () => {
    const ids = create();
    for (let sequence = 1; sequence <= 16; sequence++) {
      ids.onNewConnectionId(frame(sequence, { retirePriorTo: sequence }));
    }
    expect(() => ids.onNewConnectionId(frame(17, { retirePriorTo: 17 }))).toThrow(
      errorWithCode('CONNECTION_ID_LIMIT_ERROR'),
    );
  });

  test('a peer that leaves holes between its numbers cannot make us remember them for ever', () => {
    const ids = create();
    expect(() => {
      for (let sequence = 2; sequence < 200; sequence += 2) {
        ids.onNewConnectionId(frame(sequence, { retirePriorTo: sequence }));
        for (const retired of retiring(ids)) ids.onDelivered(retired);
      }
    }).toThrow(errorWithCode('CONNECTION_ID_LIMIT_ERROR'));
  });

  test('[RST-3] the token of an ID in use is recognised, and no other', () => {
    const ids = create();
    const token = (sequence: number): Uint8Array => new Uint8Array(16).fill(sequence + 1);
    expect(ids.isResetToken(new Uint8Array(16))).toBe(false);
    ids.onNewConnectionId(frame(0));
    ids.onNewConnectionId(frame(1));
    expect(ids.isResetToken(token(0))).toBe(true);
    expect(ids.isResetToken(token(1))).toBe(false);
    expect(ids.isResetToken(token(0).subarray(1))).toBe(false);
    const second = ids.take();
    expect(ids.isResetToken(token(1))).toBe(true);
    if (second !== undefined) ids.release(second);
    expect(ids.isResetToken(token(1))).toBe(false);
    for (let i = 0; i < 16; i++) {
      const almost = token(0);
      almost[i] = 99;
      expect(ids.isResetToken(almost)).toBe(false);
    }
  });
});
