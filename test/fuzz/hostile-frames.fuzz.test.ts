/**
 * An authentic peer that sends valid frames in wrong states: of every type, in any order, with the numbers that matter
 * (streams that are open, finished, retired, not there yet; offsets at the edges of windows; old and new limits), many
 * in a datagram, while the victim's application answers, resets and stops. Whatever it sends, the victim does not throw,
 * holds no more than its bounds, and ends the connection by a code of its own, or not at all. Seeded: a failure names it.
 */
import fc from 'fast-check';
import { TransportErrorCode } from '../../src/transport/transport-error.js';
import { MAX_ATTACK_BYTES } from '../support/attack-bounds.js';
import { frameBytes } from '../support/frame-bytes.js';
import { HostileRun } from '../support/hostile-run.js';

const id = fc.oneof(
  { weight: 8, arbitrary: fc.nat(6).map((n) => 2 * n) },
  { weight: 1, arbitrary: fc.constantFrom(1, 196, 198, 200, 2 ** 52) },
);
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(3_000) },
  { weight: 1, arbitrary: fc.constantFrom((1 << 20) - 1, 1 << 20, 2 ** 50) },
);
const limit = fc.oneof(fc.nat(5_000), fc.constantFrom(1 << 20, 2 ** 40, 2 ** 52));
const bytes8 = fc.uint8Array({ minLength: 8, maxLength: 8 });

const frame: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({ id, offset, data: fc.nat(400), fin: fc.nat(9).map((n) => n === 0) })
      .map((fields) => frameBytes.stream(fields)),
  },
  { weight: 2, arbitrary: fc.tuple(id, offset).map(([of, end]) => frameBytes.resetStream(of, 0, end)) },
  { weight: 2, arbitrary: id.map((of) => frameBytes.stopSending(of, 0)) },
  { weight: 2, arbitrary: fc.tuple(id, limit).map(([of, to]) => frameBytes.maxStreamData(of, to)) },
  { weight: 1, arbitrary: limit.map((to) => frameBytes.maxData(to)) },
  { weight: 1, arbitrary: limit.map((to) => frameBytes.maxStreams(to)) },
  { weight: 1, arbitrary: fc.tuple(id, limit).map(([of, at]) => frameBytes.streamDataBlocked(of, at)) },
  { weight: 1, arbitrary: limit.map((at) => frameBytes.dataBlocked(at)) },
  { weight: 1, arbitrary: fc.nat(40).map((to) => frameBytes.ack([0, to])) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => frameBytes.ack([a, a], [a + b + 2, a + b + 2])),
  },
  { weight: 1, arbitrary: fc.constant(frameBytes.ping()) },
  { weight: 1, arbitrary: fc.nat(500).map((at) => frameBytes.handshake(at, Uint8Array.of(at & 0xff))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(20), bytes8)
      .map(([n, cid]) => frameBytes.newConnectionId(n, Math.floor(n / 2), cid)),
  },
  { weight: 1, arbitrary: fc.nat(9).map((n) => frameBytes.retireConnectionId(n)) },
  { weight: 1, arbitrary: bytes8.map((bytes) => frameBytes.pathChallenge(bytes)) },
  { weight: 1, arbitrary: bytes8.map((bytes) => frameBytes.pathResponse(bytes)) },
);

type Step =
  | { readonly kind: 'send'; readonly frames: readonly Uint8Array[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'write' | 'reset' | 'stop'; readonly stream: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      frames: fc.array(frame, { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(200) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('write' as const, 'reset' as const, 'stop' as const),
      stream: fc.nat(6),
    }),
  },
);

const RUN_COUNT = Number(process.env['FUZZ_RUNS'] ?? 300);
const CODES = new Set<number>(Object.values(TransportErrorCode));

function apply(run: HostileRun, next: Step): void {
  if (next.kind === 'send') {
    run.send(...next.frames);
  } else if (next.kind === 'wait') {
    run.wait(next.ms);
  } else {
    const streamId = 2 * next.stream;
    // Only what is open: the rest would be the application's own mistake.
    if (2 * run.eventCount('streamOpened') <= streamId) return;
    if (next.kind === 'write') run.connection.writeStream(streamId, [new Uint8Array(5_000)], false);
    else if (next.kind === 'reset') run.connection.resetStream(streamId, 1);
    else run.connection.stopStream(streamId, 1);
    run.victim.touch(run.connection);
  }
}

function hasEnded({ connection }: HostileRun): boolean {
  return connection.closed !== undefined;
}

describe('an authentic peer that sends valid frames in wrong states', () => {
  test('is borne, or its connection ends by a code', () => {
    let borneDatagrams = 0;
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        (isReading, steps) => {
          const run = new HostileRun({ isReading });
          for (const next of steps) {
            apply(run, next);
            if (hasEnded(run)) break;
            if (next.kind === 'send') borneDatagrams++;
          }
          const { closed } = run.connection;
          if (closed !== undefined) {
            expect(CODES).toContain(closed.code);
            expect(closed.code).not.toBe(TransportErrorCode.INTERNAL_ERROR);
            expect(run.victim.bufferBytes).toBe(0);
          }
          expect(run.victim.bufferBytes).toBeLessThan(MAX_ATTACK_BYTES);
        },
      ),
      { numRuns: RUN_COUNT },
    );
    // Else nearly every run ended with its first frames. About half bear a datagram.
    expect(borneDatagrams).toBeGreaterThan(RUN_COUNT / 10);
  }, 600_000);
});
