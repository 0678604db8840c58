/** What a hostile peer sends, drawn frame by frame: legal and a nuisance, or a violation that ends its connection. */
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { frameBytes } from '../../support/frame-bytes.js';

/** Valid in the state that the server is in, whatever came before it; none is what an honest client would send. */
export function legalFrame(random: SeededRandom): Uint8Array {
  return random.pick(LEGAL)(random);
}

/** No state allows it. */
export function violatingFrame(random: SeededRandom): Uint8Array {
  return random.pick(VIOLATIONS)(random);
}

type Draw = (random: SeededRandom) => Uint8Array;

/** One of the first streams that a client may open. */
function streamId(random: SeededRandom): number {
  return 2 * random.between(0, 15);
}

const LEGAL: readonly Draw[] = [
  () => frameBytes.ping(),
  (random) => frameBytes.maxData(random.between(0, 1e6)),
  (random) => frameBytes.maxStreams(random.between(0, 100)),
  (random) => frameBytes.maxStreamData(streamId(random), random.between(0, 1e6)),
  (random) => frameBytes.dataBlocked(random.between(0, 1e6)),
  (random) => frameBytes.streamDataBlocked(streamId(random), random.between(0, 1e6)),
  (random) => frameBytes.streamsBlocked(random.between(0, 100)),
  (random) => frameBytes.stopSending(streamId(random), 1),
  // Small pieces with holes between them, never the end: what costs memory to keep.
  (random) => frameBytes.stream({ id: streamId(random), offset: 2 * random.between(0, 400), data: 1 }),
  (random) => frameBytes.stream({ id: streamId(random), offset: 0, data: random.between(0, 600) }),
  (random) => frameBytes.stream({ id: streamId(random), offset: random.between(0, 900) }),
  (random) => frameBytes.pathChallenge(random.bytes(8)),
  (random) => frameBytes.pathResponse(random.bytes(8)),
  () => frameBytes.handshake(0, Uint8Array.of(0)),
];

const FAR = 2 ** 50;

const VIOLATIONS: readonly Draw[] = [
  () => frameBytes.handshakeDone(),
  () => frameBytes.ack([0, 1e9]),
  // A stream of the server's own, and one above every limit.
  () => frameBytes.stream({ id: 1, data: 1 }),
  () => frameBytes.stream({ id: 2 * FAR, data: 1 }),
  () => frameBytes.stream({ id: 0, offset: FAR, data: 1 }),
  () => frameBytes.resetStream(0, 1, FAR),
  () => frameBytes.stopSending(2 * FAR, 1),
  () => frameBytes.maxStreamData(2 * FAR, 1),
  () => frameBytes.retireConnectionId(1e6),
  (random) => frameBytes.newConnectionId(2, 3, random.bytes(8)),
  () => Uint8Array.of(0x7f, 0xff),
];
