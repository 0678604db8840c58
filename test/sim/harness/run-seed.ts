/** One seed from drawing to verdict. */
import { runCalls } from './call-run.js';
import { Coverage } from './coverage.js';
import { drawScenario, type Scenario } from './scenario.js';
import { runStreams } from './stream-run.js';
import { World } from './world.js';

export interface SeedResult {
  readonly seed: number;
  readonly traceHash: string;
  readonly traceLines: readonly string[];
  /** What did not hold, in one line; undefined when all did. */
  readonly failure: string | undefined;
  /** Where in the code it was noticed. */
  readonly stack: string | undefined;
}

export interface SeedOptions {
  readonly keptTraceLines?: number;
  /** One seed in a hundred is far longer. */
  readonly isNightly?: boolean;
}

export function runSeed(
  seed: number,
  coverage: Coverage,
  { keptTraceLines = 100, isNightly = false }: SeedOptions = {},
): Promise<SeedResult> {
  return runScenario(drawScenario(seed, isNightly), coverage, keptTraceLines);
}

export async function runScenario(
  scenario: Scenario,
  coverage = new Coverage(),
  keptTraceLines = 100,
): Promise<SeedResult> {
  const { seed } = scenario;
  coverage.add(seed, `floor/${scenario.floor}`);
  for (const name of scenario.dimensions) coverage.add(seed, `dimension/${name}`);
  const world = new World(scenario, coverage, keptTraceLines);
  let error: Error | undefined;
  try {
    await (scenario.floor === 'calls' ? runCalls(world) : runStreams(world));
    world.reportDrops();
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  return {
    seed,
    traceHash: world.trace.hash,
    traceLines: world.trace.lines,
    failure: error?.message,
    stack: error?.stack,
  };
}
