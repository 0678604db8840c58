/**
 * Judges congestion controllers in virtual time, where the load of this machine changes nothing: goodput of a fetch over
 * each profile of `profiles.ts`, and how two flows share the link of `wan`. A seed gives the same figures everywhere.
 *
 *   npm run congestion -- [goodput|fairness] [--controllers a,b] [--profiles wan,mobile] [--seeds 9] [--seconds S]
 *
 * Goodput in Mbit/s counts the handshake; median (min..max) over seeds. With --seconds each flow runs for that long,
 * as the TCP figures beside it were measured (6 s). Fairness: over 60 s after the second flow's first 10 s.
 */
import { parseArgs } from 'node:util';
import { type CongestionControl } from '../../src/transport/congestion/create-controller.js';
import { Bottleneck, type FlowOptions, toMbit } from './flow.js';
import { PROFILES } from './profiles.js';

const CONTROLLERS: readonly CongestionControl[] = ['cubic', 'bbr'];
const LONGEST_FETCH_MS = 600_000;
const HEAD_START_MS = 2_000;
const SETTLE_MS = 10_000;
const SHARED_MS = 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    controllers: { type: 'string', default: CONTROLLERS.join(',') },
    profiles: { type: 'string', default: Object.keys(PROFILES).join(',') },
    seeds: { type: 'string', default: '9' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string' },
  },
});
const controllers = values.controllers.split(',').map((name) => {
  const found = CONTROLLERS.find((controller) => controller === name);
  if (found === undefined) throw new Error(`no controller is named ${name}: ${CONTROLLERS.join(', ')}`);
  return found;
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.from) + index);
const parts = positionals.length > 0 ? positionals : ['goodput', 'fairness'];
if (parts.includes('goodput')) printGoodput();
if (parts.includes('fairness')) printFairness();

function profileOf(name: string) {
  const profile = PROFILES[name];
  if (profile === undefined)
    throw new Error(`no profile is named ${name}: ${Object.keys(PROFILES).join(', ')}`);
  return profile;
}

function printGoodput(): void {
  const what = values.seconds === undefined ? 'a fetch' : `${values.seconds} s`;
  console.log(`goodput of ${what} in Mbit/s, median (min..max) of ${seeds.length} seeds`);
  console.log(
    `${'profile'.padEnd(11)}${'TCP CUBIC'.padStart(10)}${'TCP BBR'.padStart(9)}${header(controllers)}`,
  );
  for (const name of values.profiles.split(',')) {
    const { tcp } = profileOf(name);
    const cells = controllers.map((controller) =>
      spread(seeds.map((seed) => goodput(name, controller, seed))),
    );
    console.log(
      `${name.padEnd(11)}${String(tcp.cubic).padStart(10)}${String(tcp.bbr).padStart(9)}${row(cells)}`,
    );
  }
}

function goodput(profileName: string, controller: CongestionControl, seed: number): number {
  const { link, bytes } = profileOf(profileName);
  const bottleneck = new Bottleneck(link, seed);
  if (values.seconds === undefined) {
    const flow = bottleneck.start({ controller, bytes, startMs: 0 });
    bottleneck.run(LONGEST_FETCH_MS, [flow]);
    return flow.goodputMbit(bottleneck.clock.now());
  }
  const flow = bottleneck.start({ controller, bytes: Infinity, startMs: 0 });
  bottleneck.run(Number(values.seconds) * 1_000);
  return flow.goodputMbit(bottleneck.clock.now());
}

/** For each pair the share of the flow that starts second; the first has the link for 10 s. */
function printFairness(): void {
  console.log(
    `\nfairness on wan, 60 s after 10 s: Mbit/s of the first and of the second flow, ratio second/first`,
  );
  for (const first of controllers) {
    for (const second of controllers) {
      const results = seeds.map((seed) => share(first, second, seed));
      const of = (index: 0 | 1): string => spread(results.map((result) => result[index]));
      const ratio = spread(
        results.map(([one, other]) => other / one),
        2,
      );
      console.log(
        `${first.padEnd(8)} then ${second.padEnd(8)}${of(0).padStart(24)}${of(1).padStart(24)}   ${ratio}`,
      );
    }
  }
}

function share(first: CongestionControl, second: CongestionControl, seed: number): [number, number] {
  const bottleneck = new Bottleneck(profileOf('wan').link, seed);
  const options = (controller: CongestionControl, startMs: number): FlowOptions => ({
    controller,
    bytes: Infinity,
    startMs,
  });
  const flows = [
    bottleneck.start(options(first, 0)),
    bottleneck.start(options(second, HEAD_START_MS)),
  ] as const;
  bottleneck.run(HEAD_START_MS + SETTLE_MS);
  const before = flows.map((flow) => flow.received);
  bottleneck.run(HEAD_START_MS + SETTLE_MS + SHARED_MS);
  return [
    toMbit(flows[0].received - (before[0] ?? 0), SHARED_MS),
    toMbit(flows[1].received - (before[1] ?? 0), SHARED_MS),
  ];
}

function spread(numbers: readonly number[], digits = 1): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (index: number): string => (sorted[index] ?? 0).toFixed(digits);
  return `${at(sorted.length >> 1)} (${at(0)}..${at(sorted.length - 1)})`;
}

function header(names: readonly string[]): string {
  return names.map((name) => name.padStart(22)).join('');
}

function row(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(22)).join('');
}
