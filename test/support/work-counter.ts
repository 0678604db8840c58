/**
 * How much work code does, counted and not timed: how often any of its blocks (a function, a branch, the body of a loop)
 * is run, by V8's block coverage, so that a busy machine changes nothing. Compiled code leaves some entries of inlined
 * functions out, at most a third: the count may be less than exact, never more. What a built-in does inside (the
 * copying of bytes, the moving of an array's elements) is one step, however long.
 *
 * Counting begins with the import of this file: code that was compiled before is counted by whole functions only.
 */
import { type Profiler, Session } from 'node:inspector';

/** Steps in scripts whose URL contains `folder` while `work` ran. */
export function countSteps(folder: string, work: () => void): number {
  // What was counted before is forgotten when it is taken.
  takeSteps(folder);
  work();
  return takeSteps(folder);
}

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

function takeSteps(folder: string): number {
  let scripts: readonly Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error;
    scripts = coverage.result;
  });
  let steps = 0;
  for (const { url, functions } of scripts) {
    if (!url.includes(folder)) continue;
    for (const { ranges } of functions) for (const { count } of ranges) steps += count;
  }
  return steps;
}
