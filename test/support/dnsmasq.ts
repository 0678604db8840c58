/** A real name server on loopback, whose records a test changes while it runs. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { userInfo } from 'node:os';
import { temporaryDirectory } from './temporary-directory.js';

const isInstalled = spawnSync('dnsmasq', ['--version']).status === 0;

/** CI has dnsmasq, so that there it fails instead. */
export const describeWithDnsmasq: typeof describe =
  isInstalled || process.env['CI'] !== undefined ? describe : describe.skip;
/** For the title of what needs it. */
export const SKIPPED =
  describeWithDnsmasq === describe ? '' : ' (skipped: no dnsmasq here, `apt-get install dnsmasq-base`)';

export interface ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

export interface Zone {
  /** IPv4 and IPv6 addresses by name. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly services?: Readonly<Record<string, readonly ServiceRecord[]>>;
}

const running = new Set<NameServer>();

afterAll(async () => {
  await Promise.all([...running].map((server) => server.stop()));
});

export class NameServer {
  /** `ip:port`, as `dns.servers` takes it. */
  readonly address: string;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #serial = 0;

  private constructor(port: number) {
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    running.add(this);
  }

  static async start(zone: Zone): Promise<NameServer> {
    const server = new NameServer(await freePort());
    await server.serve(zone);
    return server;
  }

  /** Answers this from now on: it is another process, because dnsmasq reads service records only when it starts. */
  async serve({ hosts = {}, services = {} }: Zone): Promise<void> {
    await this.stop();
    running.add(this);
    this.#serial += 1;
    const mark = `serial-${this.#serial}.test`;
    const file = join(temporaryDirectory(), 'hosts');
    const lines = Object.entries(hosts).flatMap(([name, ips]) => ips.map((ip) => `${ip} ${name}`));
    writeFileSync(file, [...lines, `127.0.0.9 ${mark}`, ''].join('\n'));
    const records = Object.entries(services).flatMap(([name, list]) =>
      list.map(
        ({ target, port, priority = 0, weight = 0 }) =>
          `--srv-host=${[name, target, port, priority, weight].join(',')}`,
      ),
    );
    const own = ['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${this.#port}`, '--local-ttl=1'];
    const none = ['--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--pid-file=', '--local=/test/'];
    const args = ['--keep-in-foreground', `--user=${userInfo().username}`, `--addn-hosts=${file}`];
    this.#process = spawn('dnsmasq', [...args, ...own, ...none, ...records], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await this.#answers(mark);
  }

  async stop(): Promise<void> {
    running.delete(this);
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  async #answers(name: string): Promise<void> {
    const resolver = new Resolver({ timeout: 200, tries: 1 });
    resolver.setServers([this.address]);
    for (;;) {
      if (this.#process?.exitCode !== null) throw new Error('dnsmasq has ended');
      const found = await resolver.resolve4(name).catch(() => []);
      if (found.length > 0) return;
      await wait(20);
    }
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
