/**
 * Tests the tester: `npm run sim:planted -- [--seeds N] [--only TEXT] [--processes P]` writes each bug of
 * `planted-bugs.json` into the code, one at a time, and runs seeds until one of them notices: fails with the bug and
 * holds without it. Prints how many that took; the exit code is 1 when a bug was not noticed in N seeds (2,000 unless
 * told) or has not exactly one place in the code. `--report FILE --commit NAME` runs nothing: it writes the table of `PLANTED.md`
 * from what a run printed into FILE, on the commit of that name.
 */
/* eslint-disable no-console -- a program of the command line: what it prints is its result */
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Coverage } from './harness/coverage.js';
import { placesOf, type PlantedBug, readPlantedBugs } from './harness/planted-bugs.js';
import { runSeed } from './harness/run-seed.js';

/** A process that takes longer than this for a seed hangs. */
const LONGEST_SEED_MS = 60_000;
/** Of what noticed it, in the table. */
const MOST_CHARACTERS = 100;

/** From the process with the bug: it begins a seed, or has found that one fails and waits for a word. */
interface Progress {
  readonly seed: number;
  readonly failure?: string | undefined;
}

interface Verdict {
  readonly bug: PlantedBug;
  readonly seeds: number;
  /** What noticed it; undefined: nothing did. */
  readonly failure: string | undefined;
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    processes: { type: 'string', default: '2' },
    report: { type: 'string', default: '' },
    commit: { type: 'string', default: '' },
  },
});
const limit = Number(values.seeds);
/** What each seed that was asked for says of the code as it is. */
const withoutBug = new Map<number, Promise<string | undefined>>();

if (values.report !== '')
  writeFileSync(new URL('PLANTED.md', import.meta.url), reportOf(readRun(values.report)));
else if (process.send === undefined) await runParent();
else await runWithBug();

async function runWithBug(): Promise<void> {
  for (let seed = 1; seed <= limit; seed++) {
    process.send?.({ seed } satisfies Progress);
    const failure = await failureOf(seed);
    if (failure === undefined) continue;
    const goesOn = new Promise((resolve) => process.once('message', resolve));
    process.send?.({ seed, failure } satisfies Progress);
    await goesOn;
  }
  process.disconnect();
}

async function failureOf(seed: number): Promise<string | undefined> {
  return (await runSeed(seed, new Coverage(), { keptTraceLines: 1 })).failure;
}

async function runParent(): Promise<void> {
  const bugs = readPlantedBugs().filter(({ name, floor }) => `${floor}: ${name}`.includes(values.only));
  const verdicts = new Map<PlantedBug, Verdict>();
  let next = 0;
  const takeBugs = async (): Promise<void> => {
    for (let bug = bugs[next++]; bug !== undefined; bug = bugs[next++]) {
      const verdict = placesOf(bug) === 1 ? await tryBug(bug) : noPlace(bug);
      verdicts.set(bug, verdict);
      console.log(
        `${bug.floor}: ${bug.name}: ${verdict.failure === undefined ? 'NOT NOTICED in' : 'noticed after'} ${verdict.seeds}`,
      );
      if (verdict.failure !== undefined) console.log(`    ${verdict.failure}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, takeBugs));
  const inOrder = bugs.map((bug) => verdicts.get(bug) ?? noPlace(bug));
  const missed = inOrder.filter(({ failure }) => failure === undefined).length;
  console.log(`${bugs.length} planted, ${missed} not noticed`);
  if (missed > 0) process.exitCode = 1;
}

function noPlace(bug: PlantedBug): Verdict {
  console.log(`${bug.floor}: ${bug.name}: fits ${placesOf(bug)} places in ${bug.file}`);
  return { bug, seeds: 0, failure: undefined };
}

/** A process that dies, or hangs, has noticed too. */
function tryBug(bug: PlantedBug): Promise<Verdict> {
  const env = { ...process.env, UDPRPC_PLANTED_BUG: bug.name };
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), { env, silent: true });
  return new Promise((resolve) => {
    let seeds = 0;
    let failure: string | undefined;
    const watchdog = setTimeout(() => {
      failure ??= `no end within ${LONGEST_SEED_MS / 1_000} s`;
      child.kill('SIGKILL');
    }, LONGEST_SEED_MS);
    child.on('message', (progress: Progress) => {
      seeds = progress.seed;
      watchdog.refresh();
      if (progress.failure === undefined) return;
      withoutBug.set(seeds, withoutBug.get(seeds) ?? failureOf(seeds));
      void withoutBug.get(seeds)?.then((failureWithout) => {
        if (failureWithout !== undefined) {
          child.send('go on');
          return;
        }
        failure = progress.failure;
        child.kill();
      });
    });
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()));
    child.on('exit', (code) => {
      clearTimeout(watchdog);
      if (code !== 0)
        failure ??= `the process ended: ${/Error: .*/.exec(complaint)?.[0] ?? 'without a word'}`;
      resolve({ bug, seeds, failure });
    });
  });
}

/** What a run printed; a bug that it says nothing of was not run. */
function readRun(file: string): Verdict[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return readPlantedBugs().map((bug) => {
    const index = lines.findIndex((line) => line.startsWith(`${bug.floor}: ${bug.name}: `));
    const [, seeds = '0'] = / (\d+)$/.exec(lines[index] ?? '') ?? [];
    const isNoticed = lines[index]?.includes(': noticed after ') === true;
    return { bug, seeds: Number(seeds), failure: isNoticed ? lines[index + 1]?.trim() : undefined };
  });
}

function reportOf(verdicts: readonly Verdict[]): string {
  const missed = verdicts.filter(({ failure }) => failure === undefined).length;
  const rows = verdicts.map(({ bug, seeds, failure }) => [
    bug.floor,
    bug.name,
    failure === undefined ? `not in ${seeds}` : String(seeds),
    failure === undefined ? '' : shortened(failure),
  ]);
  return [
    '# Planted bugs, and how many seeds notice them',
    '',
    `Written by \`npm run sim:planted -- --report\`. Measured on ${values.commit}: ${verdicts.length} bugs planted one at a time, seeds from 1 to at most ${limit.toLocaleString('en')}; ${missed} not noticed.`,
    '',
    '| floor | bug | seeds | what noticed it |',
    '| --- | --- | ---: | --- |',
    ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    '',
  ].join('\n');
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll(/[<>_*`]/g, ' ');
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS)}…`;
}
