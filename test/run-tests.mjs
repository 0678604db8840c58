/**
 * `npm test`: all tests, in several runs of jest one after the other; with arguments one run of jest with these. Each suite
 * leaves some of its modules behind, and in one process of gigabytes collections hold up what is to happen in time. What
 * lives in virtual time, or in none, shares the machine; what has sockets and clocks has it alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('..', import.meta.url));
/** Suites without sockets or clocks of their own. */
const TIMELESS = 'unit/(?!driver/)|sim/|tidy/|fuzz/';
const RUNS = [
  ...shards(2, '--maxWorkers=2', `--testPathPatterns=/test/(${TIMELESS})`),
  ...shards(3, '--maxWorkers=1', `--testPathPatterns=/test/(?!${TIMELESS})`),
];
/** As `npm run jest`. */
const JEST = [
  '--disable-warning=ExperimentalWarning',
  '--experimental-vm-modules',
  'node_modules/jest/bin/jest.js',
];
/** A test that fails may leave something open, for which jest would wait. */
const MAX_RUN_MS = 30 * 60_000;

function jest(...args) {
  const options = { cwd: TOP, stdio: 'inherit', timeout: MAX_RUN_MS, killSignal: 'SIGKILL' };
  return spawnSync('node', [...JEST, ...args], options).status ?? 1;
}

/** The arguments of so many runs, which share out what the arguments name. */
function shards(count, ...args) {
  return Array.from({ length: count }, (_, i) => [`--shard=${i + 1}/${count}`, ...args]);
}

/** What jest says of one run; undefined where it could not run. */
function resultOf(args, file) {
  jest(...args, '--json', `--outputFile=${file}`);
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function allResults() {
  const folder = mkdtempSync(join(tmpdir(), 'udprpc-tests-'));
  try {
    return RUNS.map((args, i) => resultOf(args, join(folder, `${i}.json`)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sum(results, key) {
  return results.reduce((total, result) => total + (result?.[key] ?? 0), 0);
}

/** The failed tests, and the suites that could not be loaded. */
function failures(result) {
  return result.testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      const titles = failed.length === 0 ? ['could not run'] : failed.map(({ fullName }) => fullName);
      return titles.map((title) => `${relative(TOP, name)}: ${title}`);
    });
}

const args = process.argv.slice(2);
if (args.length > 0) process.exit(jest(...args));

const results = allResults();
// A run that ended before it had a result, or found no tests, is a failure too.
const lines = results.flatMap((result, i) =>
  result?.numTotalTests > 0 ? failures(result) : [`run ${i + 1} of jest ended early`],
);
for (const line of lines) console.log(`FAILED ${line}`);
const skipped = sum(results, 'numPendingTests');
console.log(
  `\nAll tests: ${sum(results, 'numPassedTests')} passed, ${lines.length} failed, ${skipped} skipped`,
);
process.exit(lines.length === 0 ? 0 : 1);
