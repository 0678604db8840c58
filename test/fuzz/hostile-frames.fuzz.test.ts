/**
 * An authentic peer that sends valid frames in wrong states: of every type, in any order, with the numbers that matter
 * (streams that are open, finished, retired, not there yet; offsets at the edges of windows; old and new limits), many
 * in a datagram, while the victim's application answers, resets and stops. Whatever it sends, the victim does not throw,
 * holds no more than its bounds, bears what breaks no rule, and ends the connection by a code of its own when one is
 * broken. Seeded: a failure names it.
 */
import fc from 'fast-check';
import { TransportErrorCode } from '../../src/transport/transport-error.js';
import { MAX_ATTACK_BYTES } from '../support/attack-bounds.js';
import { frameBytes } from '../support/frame-bytes.js';
import { HostileRun } from '../support/hostile-run.js';

/** What a frame says may depend on how far the run is. */
type Draw = (run: HostileRun) => Uint8Array;

const STREAMS = 7;
/** All data of every stream lies below, and every end that is told without contradiction is here. */
const FINAL_SIZE = 3_400;
const openId = fc.nat(STREAMS - 1).map((n) => 2 * n);
const limit = fc.oneof(fc.nat(5_000), fc.constantFrom(1 << 20, 2 ** 40, 2 ** 52));
const bytes8 = fc.uint8Array({ minLength: 8, maxLength: 8 });

/** Each is valid whatever came before it, and after few things what an honest peer would send. */
const bearable: fc.Arbitrary<Draw> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({ id: openId, offset: fc.nat(3_000), data: fc.nat(400) })
      .map((fields) => () => frameBytes.stream(fields)),
  },
  {
    weight: 1,
    arbitrary: fc.record({ id: openId, data: fc.nat(400) }).map(
      ({ id, data }) =>
        () =>
          frameBytes.stream({ id, offset: FINAL_SIZE - data, data, fin: true }),
    ),
  },
  { weight: 2, arbitrary: openId.map((id) => () => frameBytes.resetStream(id, 0, FINAL_SIZE)) },
  { weight: 2, arbitrary: openId.map((id) => () => frameBytes.stopSending(id, 0)) },
  {
    weight: 2,
    arbitrary: fc.tuple(openId, limit).map(
      ([id, to]) =>
        () =>
          frameBytes.maxStreamData(id, to),
    ),
  },
  { weight: 1, arbitrary: limit.map((to) => () => frameBytes.maxData(to)) },
  { weight: 1, arbitrary: limit.map((to) => () => frameBytes.maxStreams(to)) },
  {
    weight: 1,
    arbitrary: fc.tuple(openId, limit).map(
      ([id, at]) =>
        () =>
          frameBytes.streamDataBlocked(id, at),
    ),
  },
  { weight: 1, arbitrary: limit.map((at) => () => frameBytes.dataBlocked(at)) },
  { weight: 1, arbitrary: limit.map((at) => () => frameBytes.streamsBlocked(at)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(40), fc.nat(40)).map(([from, count]): Draw => (run) => {
      const largest = run.peer.received.at(-1)?.packetNumber ?? 0;
      return frameBytes.ack([Math.max(0, largest - from - count), Math.max(0, largest - from)]);
    }),
  },
  { weight: 1, arbitrary: fc.constant(() => frameBytes.ping()) },
  { weight: 1, arbitrary: fc.nat(500).map((at) => () => frameBytes.handshake(at, Uint8Array.of(at & 0xff))) },
  {
    weight: 1,
    // Above those that the peer told while it was honest; each has one ID.
    arbitrary: fc
      .integer({ min: 10, max: 20 })
      .map((n) => () => frameBytes.newConnectionId(n, n, new Uint8Array(8).fill(n))),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => () => frameBytes.retireConnectionId(n)) },
  { weight: 1, arbitrary: bytes8.map((bytes) => () => frameBytes.pathChallenge(bytes)) },
  { weight: 1, arbitrary: bytes8.map((bytes) => () => frameBytes.pathResponse(bytes)) },
);

const anyId = fc.oneof(openId, fc.constantFrom(1, 196, 198, 200, 2 ** 52));
const anyOffset = fc.oneof(fc.nat(5_000), fc.constantFrom((1 << 20) - 1, 1 << 20, 2 ** 50));

/** Of the same types, with the numbers at which rules end: most of them break one. */
const daring: fc.Arbitrary<Draw> = fc
  .oneof(
    fc
      .record({ id: anyId, offset: anyOffset, data: fc.nat(400), fin: fc.boolean() })
      .map((fields) => frameBytes.stream(fields)),
    fc.tuple(anyId, anyOffset).map(([id, end]) => frameBytes.resetStream(id, 0, end)),
    anyId.map((id) => frameBytes.stopSending(id, 0)),
    fc.tuple(anyId, limit).map(([id, to]) => frameBytes.maxStreamData(id, to)),
    fc.tuple(fc.nat(9), fc.nat(90)).map(([a, b]) => frameBytes.ack([a, a], [a + b + 2, a + b + 2])),
    fc.tuple(fc.nat(20), fc.nat(20), bytes8).map(([n, m, cid]) => frameBytes.newConnectionId(n + m, m, cid)),
    fc.nat(9).map((n) => frameBytes.retireConnectionId(n)),
  )
  .map((frame) => () => frame);

type Step =
  /** `dare`: it may break a rule. */
  | { readonly kind: 'bear' | 'dare'; readonly frames: readonly Draw[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'write' | 'reset' | 'stop'; readonly stream: number };

const framesOf = (frame: fc.Arbitrary<Draw>) => fc.array(frame, { minLength: 1, maxLength: 12 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ kind: fc.constant('bear' as const), frames: framesOf(bearable) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('dare' as const),
      frames: framesOf(fc.oneof({ weight: 4, arbitrary: bearable }, daring)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(200) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom('write' as const, 'reset' as const, 'stop' as const),
      stream: fc.nat(STREAMS - 1),
    }),
  },
);

const RUN_COUNT = Number(process.env['FUZZ_RUNS'] ?? 300);
const CODES = new Set<number>(Object.values(TransportErrorCode));

function apply(run: HostileRun, next: Step): void {
  if ('frames' in next) {
    run.send(...next.frames.map((draw) => draw(run)));
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

interface Outcome {
  readonly borneDatagrams: number;
  readonly hasDared: boolean;
}

function play(run: HostileRun, steps: readonly Step[]): Outcome {
  let borneDatagrams = 0;
  let hasDared = false;
  for (const next of steps) {
    hasDared ||= next.kind === 'dare';
    apply(run, next);
    if (hasEnded(run)) break;
    if ('frames' in next) borneDatagrams++;
  }
  return { borneDatagrams, hasDared };
}

describe('an authentic peer that sends valid frames in wrong states', () => {
  test('is borne while it breaks no rule, and its connection ends by a code when it does', () => {
    const borne: number[] = [];
    let endedRuns = 0;
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        (isReading, steps) => {
          const run = new HostileRun({ isReading });
          const { borneDatagrams, hasDared } = play(run, steps);
          borne.push(borneDatagrams);
          const { closed } = run.connection;
          if (closed !== undefined) {
            endedRuns++;
            expect(hasDared).toBe(true);
            expect(CODES).toContain(closed.code);
            expect(closed.code).not.toBe(TransportErrorCode.INTERNAL_ERROR);
            expect(run.victim.bufferBytes).toBe(0);
          }
          expect(run.victim.bufferBytes).toBeLessThan(MAX_ATTACK_BYTES);
        },
      ),
      { numRuns: RUN_COUNT },
    );
    // Else most runs would be over before they have come into any state.
    expect(borne.filter((datagrams) => datagrams >= 3).length).toBeGreaterThan(0.85 * RUN_COUNT);
    expect(endedRuns).toBeGreaterThan(0.1 * RUN_COUNT);
    expect(endedRuns).toBeLessThan(0.6 * RUN_COUNT);
  }, 600_000);
});
