/**
 * Programs as processes: started, spoken to and always ended, by their process ID. What they print is collected; tests wait for
 * lines and for ends, never for time.
 */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

const running = new Set<ChildProcess>();

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  /** `words`: the program and its arguments. */
  constructor(words: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = once(this.child, 'close').then(([code]) => {
      running.delete(this.child);
      return { code: code as number | null, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** What `pattern` finds in what was printed so far or will be. Throws when the process ends without it. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stdout);
      if (found !== null) return found;
      const more = this.child.stdout === null ? this.ended : once(this.child.stdout, 'data');
      const end = await Promise.race([more.then(() => undefined), this.ended]);
      if (end !== undefined && !pattern.test(this.#stdout)) {
        throw new Error(`ended with ${String(end.code)} before it printed ${String(pattern)}: ${end.stderr}`);
      }
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}
