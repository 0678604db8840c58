/**
 * A server that is killed with 200 calls in flight and started again on its port, twenty times, under a client that goes on
 * calling. What was executed is read from the server's own journal and held against what the client was told. The figures of a
 * run are printed, because they say more than that it passed.
 */
import { jest } from '@jest/globals';
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { createChannel, Status, type TransportOptions } from '../../src/index.js';
import { CallLoad, KINDS, type LoadedCall } from '../support/call-load.js';
import { ExampleProcess } from '../support/example-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

jest.setTimeout(90_000);

const CALLS_IN_FLIGHT = 200;
const ROUNDS = 10;

/** How long after the server is there again, where it has kept its reset key. */
const RECOVERY_MS = 2_000;

/**
 * Beyond two turns of this process's event loop, the longest of which is measured: a timer that was set in the middle of a turn
 * may come early by that turn, is set again, and is late by the next one. Timers go by whole milliseconds besides.
 */
const TIMER_GRAIN_MS = 20;

interface Kill {
  readonly inFlight: readonly LoadedCall[];
  /** The next server listens, ms of the Unix epoch. */
  readonly restartedAt: number;
}

interface Run {
  readonly kills: readonly Kill[];
  readonly calls: readonly LoadedCall[];
  /** Of each key, by the journal. */
  readonly executions: ReadonlyMap<string, number>;
  /** The longest time that this process stood still. */
  readonly stallMs: number;
}

describe.each([
  {
    title: 'with the same reset key',
    resetKey: randomBytes(16).toString('hex'),
    transport: {},
  },
  {
    // Nobody tells the client then: it takes the silence of its connection for what it is, here soon.
    title: 'without a reset key',
    resetKey: '',
    transport: { suspectAfterMs: 300, suspectAfterPtos: 2 },
  },
])('a server killed and started again $title', ({ title, resetKey, transport }) => {
  let run: Run;

  beforeAll(async () => {
    run = await killAgainAndAgain(resetKey, transport);
    process.stdout.write(`${title}: ${figuresOf(run)}\n`);
  });

  test('every kill finds 200 calls in flight, in every phase', () => {
    expect(run.kills.map(({ inFlight }) => inFlight.length)).toEqual(
      Array.from({ length: ROUNDS }, () => CALLS_IN_FLIGHT),
    );
    const found = run.kills.flatMap(({ inFlight }) => inFlight);
    for (const kind of KINDS) {
      const failed = found.filter((call) => call.kind === kind && call.error !== undefined);
      // Running or answered, and the answer was lost; waiting or on its way, and the server never saw it.
      expect(failed.some((call) => executionsOf(run, call) > 0)).toBe(true);
      expect(failed.some((call) => executionsOf(run, call) === 0)).toBe(true);
    }
    // Those that waited in the channel, or were tried again, until the next server was there.
    expect(found.some((call) => call.error === undefined)).toBe(true);
  });

  test('every call settles, by its deadline', () => {
    const late = run.calls.filter((call) => !(overdueMs(call) <= TIMER_GRAIN_MS + 2 * run.stallMs));
    expect(late).toEqual([]);
  });

  test('no undeclared call is executed twice', () => {
    const twice = run.calls.filter((call) => call.kind === 'add' && executionsOf(run, call) > 1);
    expect(twice).toEqual([]);
  });

  test('what was certainly not executed was not', () => {
    const certain = run.calls.filter(({ error }) => error?.maybeExecuted === false);
    expect(certain.length).toBeGreaterThan(0);
    expect(certain.filter((call) => executionsOf(run, call) > 0)).toEqual([]);
  });

  test('what was answered was executed', () => {
    const answered = run.calls.filter(({ error }) => error === undefined);
    expect(answered.filter((call) => executionsOf(run, call) === 0)).toEqual([]);
  });

  if (resetKey !== '') {
    test('the client is back within two seconds, for every kind of call', () => {
      for (const kill of run.kills) expect(recoveryMs(run, kill)).toBeLessThan(RECOVERY_MS);
    });
  }
});

async function killAgainAndAgain(resetKey: string, transport: Partial<TransportOptions>): Promise<Run> {
  const journal = join(temporaryDirectory(), 'journal');
  const port = await freePort();
  let { server } = await startServer(journal, port, resetKey);
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  stalls.enable();
  const channel = createChannel(`udp://127.0.0.1:${port}`, { transport });
  const load = new CallLoad(channel, CALLS_IN_FLIGHT);
  const kills: Kill[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await answersOfEveryKind(load, 40 + 13 * round);
    // Who was answered just now calls again.
    await turnOfTheLoop();
    const { inFlight } = load;
    await server.end('SIGKILL');
    const next = await startServer(journal, port, resetKey);
    server = next.server;
    kills.push({ inFlight, restartedAt: next.since });
  }
  await answersOfEveryKind(load, 40);
  await load.stop();
  stalls.disable();
  await channel.close();
  await server.end('SIGKILL');
  return { kills, calls: load.calls, executions: readJournal(journal), stallMs: stalls.max / 1e6 };
}

async function startServer(
  journal: string,
  port: number,
  resetKey: string,
): Promise<{ readonly server: ExampleProcess; readonly since: number }> {
  const args = [journal, String(port), resetKey];
  const server = new ExampleProcess('journal-server', args, { folder: 'test/support' });
  const [, since] = await server.printed(/^listening on \d+ since (\d+)$/m);
  return { server, since: Number(since) };
}

/** Resolves when each kind of call was answered so often from now on. */
function answersOfEveryKind(load: CallLoad, count: number): Promise<void> {
  const missing = new Map(KINDS.map((kind) => [kind, count]));
  return load.until(({ kind, error }) => {
    if (error === undefined) missing.set(kind, (missing.get(kind) ?? 0) - 1);
    return [...missing.values()].every((left) => left <= 0);
  });
}

/**
 * A free port below those that systems give to sockets that ask for any: else one of the client's own might be given it
 * while the server is away.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const socket = createSocket('udp4');
    const port = randomInt(20_000, 32_000);
    const bound = once(socket, 'listening');
    socket.bind({ port, address: '127.0.0.1', exclusive: true });
    const isFree = await bound.then(
      () => true,
      () => false,
    );
    socket.close();
    await once(socket, 'close');
    if (isFree) return port;
  }
}

function readJournal(path: string): Map<string, number> {
  const executions = new Map<string, number>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [key = ''] = line.split(' ');
    executions.set(key, (executions.get(key) ?? 0) + 1);
  }
  return executions;
}

function executionsOf({ executions }: Run, { key }: LoadedCall): number {
  return executions.get(key) ?? 0;
}

/** Negative before the deadline; NaN when it has not settled. */
function overdueMs({ startedAt, settledAt, timeoutMs }: LoadedCall): number {
  return settledAt - startedAt - timeoutMs;
}

/** From when the server listens to when each kind of call was answered. */
function recoveryMs({ calls }: Run, { restartedAt }: Kill): number {
  const first = KINDS.map((kind) => {
    const answer = calls.filter((call) => call.kind === kind && call.error === undefined);
    return Math.min(...answer.map(({ settledAt }) => settledAt).filter((at) => at >= restartedAt));
  });
  return Math.max(...first) - restartedAt;
}

function figuresOf(run: Run): string {
  const { kills, calls, stallMs } = run;
  const counts = new Map<string, number>();
  for (const { error } of calls) {
    const name =
      error === undefined ? 'OK' : `${Status[error.code]}${error.maybeExecuted ? '' : ' (not executed)'}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const lost = calls.filter((call) => call.error !== undefined && executionsOf(run, call) > 0).length;
  const overdue = Math.max(...calls.map(overdueMs));
  const recoveries = kills.map((kill) => recoveryMs(run, kill)).sort((a, b) => a - b);
  return [
    `${calls.length} calls`,
    ...[...counts].map(([name, count]) => `${count} ${name}`),
    `${lost} executed whose caller got an error`,
    `the latest ${overdue.toFixed(1)} ms after its deadline (event loop stood still for up to ${stallMs.toFixed(0)} ms)`,
    `back after ${recoveries.map((ms) => ms.toFixed(0)).join(', ')} ms`,
  ].join(' · ');
}
