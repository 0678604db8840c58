/**
 * What `udprpc ping` does, in the manner of ping(8). A ping is a call to the health service: it goes the way of all calls, and a server that
 * does not offer it answers as fast that it does not. The first one, which makes the connection, is not counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HealthDefinition } from '../health/index.js';
import { createClient, RpcError, type RpcCallOptions, Status } from '../index.js';
import { errorLine } from './error-line.js';
import { type PingFlags } from './ping-command.js';
import { FailureShown } from './run-command.js';
import { type Session, withSession } from './session.js';
import { print } from './shown.js';

export async function ping(target: string, flags: PingFlags, signal: AbortSignal): Promise<void> {
  await withSession(target, flags, signal, async (session) => {
    const timeoutMs = (flags.timeout ?? DEFAULT_TIMEOUT_S) * 1_000;
    const options: RpcCallOptions = { signal, timeoutMs, retry: false };
    const connectedMs = await roundTrip(session, options);
    await print(`connected to ${session.channel.peer ?? target} in ${inMs(connectedMs)}`, signal);
    const times: number[] = [];
    let calls = 0;
    let last: unknown;
    try {
      while (calls < (flags.count ?? Infinity)) {
        if (calls > 0) await sleep(flags.interval * 1_000, undefined, { signal });
        const number = ++calls;
        try {
          const ms = await roundTrip(session, options);
          times.push(ms);
          await print(`answer ${number} in ${inMs(ms)}`, signal);
        } catch (error) {
          signal.throwIfAborted();
          last = error;
          await print(`answer ${number}: ${errorLine(error)}`, signal);
        }
      }
    } catch (error) {
      // Ctrl-C is how it ends; a call that it has cut short is not counted.
      if (!signal.aborted) throw error;
      calls = Math.max(calls - 1, times.length);
    }
    process.stdout.write(`${summary(target, calls, times)}\n`);
    if (times.length === 0 && last instanceof RpcError) throw new FailureShown(last.code);
  });
}

/** Milliseconds. Rejects where the server has not answered. */
async function roundTrip({ channel }: Session, options: RpcCallOptions): Promise<number> {
  const health = createClient(HealthDefinition, channel);
  const start = performance.now();
  try {
    await health.check({}, options);
  } catch (error) {
    const isAnswer = error instanceof RpcError && ANSWERS.includes(error.code);
    if (!isAnswer) throw error;
  }
  return performance.now() - start;
}

function summary(target: string, calls: number, times: readonly number[]): string {
  const lost = calls === 0 ? 0 : Math.round((100 * (calls - times.length)) / calls);
  const lines = ['', `${target}: ${calls} calls, ${times.length} answers, ${lost} % lost`];
  if (times.length > 0) {
    const sorted = [...times].sort((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.ceil(share * sorted.length) - 1] ?? sorted[0] ?? 0).toFixed(2);
    lines.push(`round trip min/median/max ${at(0)}/${at(0.5)}/${at(1)} ms`);
  }
  return lines.join('\n');
}

function inMs(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}

/** What a server says to a health check that it cannot or will not answer. */
const ANSWERS: readonly Status[] = [Status.UNIMPLEMENTED, Status.NOT_FOUND, Status.PERMISSION_DENIED];

const DEFAULT_TIMEOUT_S = 5;
