import fc from 'fast-check';
import { FramingError } from '../../../../src/rpc/framing/framing-error.js';
import { type GoAway, GoAwayReader, writeGoAway } from '../../../../src/rpc/framing/go-away.js';
import { ResetCode } from '../../../../src/rpc/framing/reset-code.js';
import { UnitWriter } from '../../../../src/rpc/framing/unit-writer.js';

function bytesOf(goAway: GoAway): Uint8Array {
  const writer = new UnitWriter();
  writeGoAway(writer, goAway);
  return writer.bytes.slice();
}

function read(...chunks: Uint8Array[]): GoAway | undefined {
  const reader = new GoAwayReader();
  for (const chunk of chunks) reader.push(chunk);
  return reader.end();
}

function resetCodeOf(action: () => unknown): ResetCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof FramingError) return error.resetCode;
    throw error;
  }
  return undefined;
}

describe('[RPC-15] GO_AWAY', () => {
  test('is laid out as PROTOCOL says', () => {
    expect([...bytesOf({ lastStreamId: 20 })]).toEqual([4, 0x40, 3, 1, 1, 20]);
    expect([...bytesOf({ lastStreamId: undefined })]).toEqual([4, 0x40, 0]);
  });

  test('comes out as it went in, however the transport cuts it', () => {
    const ids = fc.option(fc.maxSafeNat(), { nil: undefined });
    fc.assert(
      fc.property(ids, fc.nat(14), (lastStreamId, cut) => {
        const bytes = bytesOf({ lastStreamId });
        expect(read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual({ lastStreamId });
      }),
    );
  });

  test('with fields and units of a later version around it is still understood', () => {
    expect(read(Uint8Array.of(0x30, 1, 0, 4, 6, 0x30, 1, 7, 1, 1, 8))).toEqual({ lastStreamId: 8 });
    expect(read(Uint8Array.of(0x30, 0))).toBeUndefined();
    expect(resetCodeOf(() => read(Uint8Array.of(0x84, 0)))).toBe(ResetCode.MALFORMED);
    expect(resetCodeOf(() => read(Uint8Array.of(4, 2, 0x81, 0)))).toBe(ResetCode.MALFORMED);
  });

  test('that is cut short is malformed, one that does not end is not kept', () => {
    expect(resetCodeOf(() => read(bytesOf({ lastStreamId: 20 }).subarray(0, 5)))).toBe(ResetCode.MALFORMED);
    expect(resetCodeOf(() => read(new Uint8Array(1_000), new Uint8Array(25)))).toBe(ResetCode.TOO_LARGE);
  });
});
