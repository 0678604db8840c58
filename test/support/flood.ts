/** A server and those who flood it, each as a process of its own, and what both tell of it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Identity } from './certificates.js';
import { type Ended, ExampleProcess } from './example-process.js';
import { type SentFlood } from './flood-sender.js';
import { type ServerFigures } from './flooded-server.js';
import { temporaryDirectory } from './temporary-directory.js';
import { type TlsClient } from './tls-fixture.js';

const program = {
  folder: 'test/support',
  stdio: ['ignore', 'pipe', 'pipe', 'ipc'] as ('ignore' | 'pipe' | 'ipc')[],
};

export class FloodedServer {
  readonly port: number;
  readonly #process: ExampleProcess;

  /** With TLS when there is an identity. */
  static async start(tls: Identity | undefined): Promise<FloodedServer> {
    const server = new ExampleProcess('flooded-server', tls === undefined ? [] : filesOf(tls), program);
    const [, port] = await server.printed(/^listening on (\d+)$/m);
    return new FloodedServer(server, Number(port));
  }

  private constructor(process: ExampleProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  async figures(): Promise<ServerFigures> {
    return (await ask(this.#process, 'figures')) as ServerFigures;
  }

  /** Rejects, with what the server said last, where it ends before the work is done. */
  whileItRuns<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, earlyEnd(this.#process)]);
  }

  /** It shuts down as it would for its user. */
  end(): Promise<Ended> {
    this.#process.child.send('end');
    return this.#process.ended;
  }
}

export interface FloodOptions {
  readonly kind: 'hellos' | 'garbage';
  readonly port: number;
  /** Speaks TLS when there is one. */
  readonly authority: Identity | undefined;
  readonly perSecond: number;
  readonly sockets: number;
}

export class FloodSender {
  readonly #process: ExampleProcess;

  /** It has all that it is going to send, and waits. */
  static async prepare({ kind, port, authority, perSecond, sockets }: FloodOptions): Promise<FloodSender> {
    const numbers = [port, perSecond, sockets].map(String);
    const [scheme, ca] = authority === undefined ? ['udp', []] : ['udps', filesOf(authority).slice(0, 1)];
    const sender = new ExampleProcess('flood-sender', [kind, scheme, ...numbers, ...ca], program);
    await answerOf(sender);
    return new FloodSender(sender);
  }

  private constructor(process: ExampleProcess) {
    this.#process = process;
  }

  start(): void {
    this.#process.child.send('start');
  }

  async stop(): Promise<SentFlood> {
    return (await ask(this.#process, 'stop')) as SentFlood;
  }
}

/** Callers, each of which calls with the default options again when it is answered, until they are told to stop. */
export class HonestCalls {
  readonly times: number[] = [];
  readonly failures: string[] = [];
  /** Calls of `add` that were answered. */
  added = 0;
  #isOver = false;
  readonly #client: TlsClient['client'];
  readonly #callers: Promise<void>[];

  constructor(client: TlsClient['client'], callers: number) {
    this.#client = client;
    this.#callers = Array.from({ length: callers }, (_, i) => this.#run(i));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  async #run(caller: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const startedAt = performance.now();
      try {
        await this.#call(caller, turn);
        this.times.push(performance.now() - startedAt);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  async #call(caller: number, turn: number): Promise<void> {
    if (turn % 2 === 0) {
      await this.#client.echo({ payload: randomBytes(500) });
    } else {
      await this.#client.add({ key: `${caller}.${turn}`, amount: 1 });
      this.added++;
    }
  }
}

export function rateText({ datagrams, bytes, seconds }: SentFlood): string {
  const perSecond = Math.round(datagrams / seconds);
  return `${perSecond}/s (${((8 * bytes) / seconds / 1e6).toFixed(0)} Mbit/s) for ${seconds.toFixed(1)} s`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function filesOf({ cert, key }: Identity): string[] {
  const directory = temporaryDirectory({ 'cert.pem': cert, 'key.pem': key });
  return [join(directory, 'cert.pem'), join(directory, 'key.pem')];
}

async function ask(process: ExampleProcess, message: string): Promise<unknown> {
  const answer = answerOf(process);
  process.child.send(message);
  return answer;
}

/** Throws when it ends without one. */
async function answerOf(process: ExampleProcess): Promise<unknown> {
  const answer = once(process.child, 'message') as Promise<[unknown]>;
  return (await Promise.race([answer, earlyEnd(process)]))[0];
}

function earlyEnd({ ended }: ExampleProcess): Promise<never> {
  const early = ended.then(({ code, stderr }) => {
    throw new Error(`ended with ${String(code)}: ${stderr}`);
  });
  // Also where nobody asks any more.
  early.catch(() => undefined);
  return early;
}
