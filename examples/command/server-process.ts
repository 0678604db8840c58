/**
 * An image server as a second process, for the demo: started on a free port, known by its process ID, and always ended. The
 * image-server command is what runs, as a user would start it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ServerProcess {
  /** `udp://127.0.0.1:PORT`, from the line that the server printed. */
  readonly target: string;
  readonly pid: number;
  /** Ends it by a signal, and by force when it does not go. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** Throws what the server said when it does not get to listen. */
export async function startServerProcess(directory: string, signal: AbortSignal): Promise<ServerProcess> {
  // Of the same kind as this file: compiled, or a source that Node was told how to read.
  const script = fileURLToPath(new URL(`../image-server${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, directory, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = (): Promise<void> => stopProcess(child);
  try {
    const target = await firstTarget(child, AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]));
    return { target, pid: child.pid ?? -1, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function firstTarget(child: ChildProcess, signal: AbortSignal): Promise<string> {
  if (child.stdout === null) throw new Error('the image server has no output');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, 'line', { signal }),
    once(child, 'exit', { signal }).then(() => ['']),
  ])) as [string];
  const target = /^listening on (udp:\S+)$/.exec(line)?.[1];
  if (target === undefined) throw new Error('the image server did not start');
  return target;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(force);
}
