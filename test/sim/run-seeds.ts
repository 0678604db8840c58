/**
 * `npm run sim -- --seeds N --from S`: runs seeds in one process per core, outside jest, and prints what they reached. A seed that
 * fails is named with the command that replays it, and the exit code is 1. `--trace N` keeps and prints the last N
 * lines of a failing seed's trace; `--hash` prints each seed's trace hash; `--nightly` makes one seed in a hundred long.
 */
/* eslint-disable no-console -- a program of the command line: what it prints is its result */
import { type ChildProcess, fork } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Coverage } from './harness/coverage.js';
import { requiredCoverage, SEEDS_THAT_REACH_ALL } from './harness/required-coverage.js';
import { allDimensions } from './harness/scenario.js';
import { runSeed, type SeedResult } from './harness/run-seed.js';

type Counts = Record<string, [seeds: number, total: number]>;
type ToParent =
  | { kind: 'wantsSeed' }
  | { kind: 'result'; result: SeedResult; ms: number }
  | { kind: 'counts'; counts: Counts };

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    from: { type: 'string', default: '1' },
    trace: { type: 'string', default: '40' },
    hash: { type: 'boolean', default: false },
    nightly: { type: 'boolean', default: false },
    processes: { type: 'string', default: String(cpus().length) },
  },
});
const keptTraceLines = Number(values.trace);

if (process.send === undefined) await runParent();
else runChild();

/** Asks for seeds one by one, so that a process with a long one does not keep others waiting. */
function runChild(): void {
  const coverage = new Coverage();
  const tell = (message: ToParent): void => void process.send?.(message);
  process.on('message', (seed: number | 'end') => {
    if (seed === 'end') {
      tell({ kind: 'counts', counts: coverage.toJSON() });
      process.disconnect();
      return;
    }
    const startedAt = performance.now();
    void runSeed(seed, coverage, { keptTraceLines, isNightly: values.nightly }).then((result) => {
      tell({ kind: 'result', result, ms: performance.now() - startedAt });
      tell({ kind: 'wantsSeed' });
    });
  });
  tell({ kind: 'wantsSeed' });
}

async function runParent(): Promise<void> {
  const first = Number(values.from);
  const count = Number(values.seeds);
  if (!Number.isSafeInteger(first) || first < 0 || !Number.isSafeInteger(count) || count < 1) {
    console.error(
      'usage: npm run sim -- --seeds N --from S [--trace LINES] [--hash] [--nightly] [--processes P]',
    );
    process.exitCode = 2;
    return;
  }
  const startedAt = performance.now();
  const coverage = new Coverage();
  const failed: SeedResult[] = [];
  const slowest = { seed: -1, ms: 0 };
  let next = first;
  const children = Math.min(Number(values.processes), count);
  await Promise.all(
    Array.from({ length: children }, () =>
      superviseChild(
        () => (next < first + count ? next++ : undefined),
        (result, ms) => {
          if (ms > slowest.ms) Object.assign(slowest, { seed: result.seed, ms });
          if (values.hash) console.log(`${result.seed} ${result.traceHash}`);
          if (result.failure === undefined) return;
          failed.push(result);
          printFailure(result);
        },
        (counts) => {
          coverage.merge(counts);
        },
      ),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const line of coverage.lines()) console.log(line);
  console.log(
    `${count} seeds from ${first} in ${seconds.toFixed(1)} s, slowest ${slowest.seed} (${slowest.ms.toFixed(0)} ms)`,
  );
  const missing = count < SEEDS_THAT_REACH_ALL ? [] : coverage.missing(requiredCoverage(allDimensions()));
  if (missing.length > 0) console.log(`never reached: ${missing.join(' · ')}`);
  if (failed.length + missing.length > 0) process.exitCode = 1;
  if (failed.length === 0) return;
  console.log(
    `${failed.length} failed: ${failed
      .map(({ seed }) => seed)
      .sort((a, b) => a - b)
      .join(' ')}`,
  );
}

function superviseChild(
  nextSeed: () => number | undefined,
  onResult: (result: SeedResult, ms: number) => void,
  onCounts: (counts: Counts) => void,
): Promise<void> {
  const child: ChildProcess = fork(process.argv[1] ?? '', process.argv.slice(2));
  return new Promise((resolve, reject) => {
    let current: number | undefined;
    child.on('message', (message: ToParent) => {
      if (message.kind === 'result') onResult(message.result, message.ms);
      else if (message.kind === 'counts') onCounts(message.counts);
      else {
        current = nextSeed();
        child.send(current ?? 'end');
      }
    });
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the process that ran seed ${String(current)} ended with ${String(code)}`));
    });
  });
}

function printFailure({ seed, failure, stack, traceLines }: SeedResult): void {
  console.log(`\nseed ${seed} failed: ${String(failure)}`);
  for (const line of traceLines) console.log(`  ${line}`);
  console.log(stack?.split('\n').slice(1, 8).join('\n'));
  console.log(
    `replay: npm run sim -- --seeds 1 --from ${seed} --trace 1000${values.nightly ? ' --nightly' : ''}\n`,
  );
}
