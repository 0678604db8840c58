/** The faults of links, drawn: which there are is decided once for all, how strong they are for each direction of each. */
import { CLEAN_LINK, type LinkConditions } from '../../../src/sim/link.js';
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { type Dimension, type Scenario } from './scenario.js';

export function drawLinks(
  dimension: Dimension,
  rough: Dimension,
  clientCount: number,
  healAfterMs: number,
): Scenario['links'] {
  type Change = (random: SeededRandom) => Partial<LinkConditions>;
  const changes: [name: string, change: Change][] = [
    [
      'delay',
      (r) => ({
        delayMs: r.chance(0.02) ? r.logUniform(1_000, 28 * 86_400_000) : Math.max(0.05, r.logUniform(0, 750)),
      }),
    ],
    ['loss', (r) => ({ lossRate: r.within(0, r.chance(0.1) ? 0.6 : 0.3) })],
    ['bursts', (r) => ({ burstRate: r.within(0, 0.05), burstLength: r.between(1, 10) })],
    ['blackouts', (r) => ({ blackouts: drawBlackouts(r, healAfterMs) })],
    ['duplication', (r) => ({ duplicationRate: r.within(0, 0.5) })],
    ['lateReplay', (r) => ({ replayRate: r.within(0, 0.5), replayDelayMs: r.logUniform(10, 300_000) })],
    ['jitter', (r) => ({ jitterMs: r.logUniform(1, 1_000), jitterKeepsOrder: r.chance(0.3) })],
    ['badPeriods', (r) => ({ goodPeriodMs: r.logUniform(20, 5_000), badPeriodMs: r.logUniform(1, 500) })],
    ['reordering', (r) => ({ reorderRate: r.within(0, 0.3), reorderBy: r.logUniform(1, 64) })],
    ['corruption', (r) => ({ corruptionRate: r.within(0, 0.2) })],
    ['truncation', (r) => ({ truncationRate: r.within(0, 0.2) })],
    ['extension', (r) => ({ extensionRate: r.within(0, 0.2) })],
    ['splicing', (r) => ({ splicingRate: r.within(0, 0.2) })],
    ['rate', (r) => ({ bytesPerMs: r.logUniform(1, 1_250_000), queueDatagrams: r.logUniform(2, 10_000) })],
    ['pathMtu', (r) => ({ maxDatagramBytes: drawPathMtu(r) })],
  ];
  const directions = Array.from({ length: 2 * clientCount }, (): LinkConditions => CLEAN_LINK);
  for (const [name, change] of changes) {
    const draw = BREAKING.includes(name) ? rough : dimension;
    draw(name, undefined, (random) => {
      const isSame = random.chance(0.3);
      const same = change(random);
      directions.forEach((conditions, index) => {
        directions[index] = { ...conditions, ...(isSame ? same : change(random)) };
      });
    });
  }
  return Array.from({ length: clientCount }, (_, index) => ({
    up: directions[2 * index] ?? CLEAN_LINK,
    down: directions[2 * index + 1] ?? CLEAN_LINK,
  }));
}

/** Of the faults of links. */
const BREAKING = ['blackouts'];

/** Times count from the start of the run; the world moves them to its clock. */
function drawBlackouts(random: SeededRandom, healAfterMs: number): LinkConditions['blackouts'] {
  return Array.from({ length: random.between(1, 3) }, () => {
    const startMs = random.within(0, healAfterMs);
    return { startMs, endMs: startMs + random.logUniform(10, 5_000) };
  });
}

/** In bytes of UDP payload. Half of them lie where the search of ordinary paths looks. */
export function drawPathMtu(random: SeededRandom): number {
  return random.chance(0.5) ? random.between(1_200, 1_460) : random.logUniform(1_200, 65_507);
}
