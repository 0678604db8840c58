/**
 * What the hot paths cost, one by one, in nanoseconds: medians with min and max over rounds in which all cases take
 * turns, so that a machine that drifts drifts for all. No sockets, no peers; `npm run build` above comes first.
 *
 *   npm run micro -- [--only TEXT] [--rounds 15] [--json FILE] [--compare FILE]
 *
 * To see the cost of a change: `--json before.json`, make it, build, `--compare before.json`. Two runs on a busy machine
 * differ by a tenth or two; a case whose ranges do not overlap has changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { protectionCases } from './cases-protection.mjs';
import { recoveryCases } from './cases-recovery.mjs';
import { rpcCases } from './cases-rpc.mjs';
import { streamCases } from './cases-streams.mjs';
import { wireCases } from './cases-wire.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    json: { type: 'string' },
    compare: { type: 'string' },
  },
});

const SLICE_MS = 20;
const WARM_UP_MS = 100;

const before = values.compare === undefined ? undefined : JSON.parse(readFileSync(values.compare, 'utf8'));
const measured = [];
for (const cases of [wireCases, recoveryCases, protectionCases, streamCases, rpcCases]) {
  // One at a time: a case may use what the one before it has left behind.
  for (const { name, run } of cases()) {
    const count = calibrate(run);
    if (name.includes(values.only)) measured.push({ name, run, count, times: [] });
  }
}
for (let round = 0; round < Number(values.rounds); round++) {
  for (const each of measured) each.times.push(timeOf(each.run, each.count));
}

console.log(`node ${process.version}, ${values.rounds} rounds; ns of CPU for one, median (min..max)`);
const result = {};
for (const { name, times } of measured) {
  const sorted = times.toSorted((a, b) => a - b);
  const [median, min, max] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
  result[name] = { median, min, max };
  console.log(`${name.padEnd(47)} ${spread(result[name]).padStart(24)}${change(name, median)}`);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);

/** How often to run it for a slice, after V8 has seen enough of it. */
function calibrate(run) {
  let count = 1;
  for (let usedMs = 0; usedMs < WARM_UP_MS;) {
    const sliceMs = (timeOf(run, count) * count) / 1e6;
    usedMs += sliceMs;
    if (sliceMs < SLICE_MS) count *= 2;
  }
  return count;
}

/** Nanoseconds of CPU for one, garbage collection included: what others do on the machine counts less than by the clock. */
function timeOf(run, count) {
  const before = process.cpuUsage();
  run(count);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / count;
}

function spread({ median, min, max }) {
  return `${digits(median)} (${digits(min)}..${digits(max)})`;
}

function digits(ns) {
  return ns < 100 ? ns.toFixed(1) : Math.round(ns).toString();
}

function change(name, median) {
  if (before === undefined) return '';
  const was = before[name]?.median;
  return was === undefined ? '   new' : ` ${(median / was).toFixed(2)}x`;
}
