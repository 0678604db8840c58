/**
 * Tests the tester: `node --import ./test/support/typescript.mjs test/sim/run-planted-bugs.ts [--seeds N] [--only TEXT]` writes each bug of
 * `planted-bugs.json` into the code, one at a time, and runs seeds until one of them notices. Prints how many that took;
 * the exit code is 1 when a bug was not noticed in N seeds (2,000 unless told) or has no place in the code.
 */
/* eslint-disable no-console -- a program of the command line: what it prints is its result */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Coverage } from './harness/coverage.js';
import { runSeed } from './harness/run-seed.js';

/** A process that takes longer than this hangs. */
const LONGEST_RUN_MS = 120_000;

interface PlantedBug {
  readonly floor: string;
  readonly name: string;
  /** Absent: thought of before the code was there that it goes into. */
  readonly file?: string;
  readonly find?: string;
}

interface Verdict {
  readonly seeds: number;
  /** What noticed it; undefined: nothing did. */
  readonly failure: string | undefined;
}

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, only: { type: 'string', default: '' } },
});
const limit = Number(values.seeds);

if (process.send === undefined) await runParent();
else process.send(await runUntilNoticed());

async function runUntilNoticed(): Promise<Verdict> {
  for (let seed = 1; seed <= limit; seed++) {
    const { failure } = await runSeed(seed, new Coverage(), { keptTraceLines: 1 });
    if (failure !== undefined) return { seeds: seed, failure };
  }
  return { seeds: limit, failure: undefined };
}

async function runParent(): Promise<void> {
  const list = readFileSync(new URL('planted-bugs.json', import.meta.url), 'utf8');
  const bugs = (JSON.parse(list) as PlantedBug[]).filter(({ name }) => name.includes(values.only));
  let next = 0;
  let missed = 0;
  const takeBugs = async (): Promise<void> => {
    for (let bug = bugs[next++]; bug !== undefined; bug = bugs[next++]) {
      if (!hasPlace(bug)) {
        missed++;
        console.log(`${bug.floor}: ${bug.name}: NO PLACE in ${bug.file ?? 'the code'}`);
        continue;
      }
      const { seeds, failure } = await tryBug(bug);
      if (failure === undefined) missed++;
      console.log(
        `${bug.floor}: ${bug.name}: ${failure === undefined ? 'NOT NOTICED in' : 'noticed after'} ${seeds}`,
      );
      if (failure !== undefined) console.log(`    ${failure}`);
    }
  };
  await Promise.all(cpus().map(takeBugs));
  console.log(`${bugs.length} planted, ${missed} not noticed`);
  if (missed > 0) process.exitCode = 1;
}

function hasPlace({ file, find }: PlantedBug): boolean {
  if (file === undefined || find === undefined) return false;
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').includes(find);
}

/** A process that dies, or hangs, has noticed too: without its seeds. */
function tryBug({ name }: PlantedBug): Promise<Verdict> {
  const env = { ...process.env, UDPRPC_PLANTED_BUG: name };
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), { env, silent: true });
  return new Promise((resolve) => {
    const watchdog = setTimeout(() => child.kill(), LONGEST_RUN_MS);
    let verdict: Verdict | undefined;
    child.on('message', (message: Verdict) => {
      verdict = message;
      child.disconnect();
    });
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()));
    child.on('exit', () => {
      clearTimeout(watchdog);
      const lastWords = /Error: .*/.exec(complaint)?.[0] ?? 'no end';
      resolve(verdict ?? { seeds: 0, failure: `the process ended: ${lastWords}` });
    });
  });
}
