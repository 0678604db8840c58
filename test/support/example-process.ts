/** The programs of examples/ as processes, and those that tests bring along, from their sources. */
import { type SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Ended, Program } from './program.js';

export { type Ended } from './program.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ExampleOptions extends SpawnOptions {
  /** A command that runs what follows it, such as `['bash', '-c', 'ulimit ...; exec "$@"', '-']`. */
  readonly wrapper?: readonly string[];
  /** Where the program is. Default: `examples`. */
  readonly folder?: string;
}

export class ExampleProcess extends Program {
  constructor(
    example: string,
    args: readonly string[] = [],
    { wrapper = [], folder = 'examples', ...options }: ExampleOptions = {},
  ) {
    const hooks = ['--import', `${root}test/support/typescript.mjs`];
    super([...wrapper, process.execPath, ...hooks, `${root}${folder}/${example}.ts`, ...args], options);
  }
}

export async function runExample(example: string, ...args: readonly string[]): Promise<Ended> {
  return new ExampleProcess(example, args).ended;
}

/** An image server on a free port, and its URL. */
export async function startImageServer(
  directory: string,
  options: ExampleOptions = {},
): Promise<{ readonly url: string; readonly server: ExampleProcess }> {
  const server = new ExampleProcess('image-server', [directory, '--port', '0'], options);
  const [, url = ''] = await server.printed(/^listening on (udp:\S+)$/m);
  return { url, server };
}
