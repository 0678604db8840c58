/**
 * The link between two sides, and the processes on them. Without a laboratory both sides are this machine's loopback. With
 * one, shell commands make and remove the link, and prefixes put each process on its side:
 *
 *   --up 'netlab up $(netlab profile {profile})' --down 'netlab down' --tcp 'netlab tcp {controller}'
 *   --server 'netlab a' --client 'netlab b' --host 10.77.0.1
 *
 * What `--down` prints is searched for `late N (P %)`: a link that was late for more than half a percent of its packets
 * says that the machine was too busy, and whatever was measured on it is measured again.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const LAB_OPTIONS = {
  up: { type: 'string' },
  down: { type: 'string' },
  tcp: { type: 'string' },
  server: { type: 'string', default: '' },
  client: { type: 'string', default: '' },
  host: { type: 'string', default: '127.0.0.1' },
};

const MAX_LATE_PERCENT = 0.5;
const MAX_REPETITIONS = 5;

export class Lab {
  #values;
  #running = new Set();
  /** Rounds that were thrown away because the link was late. */
  repeatedCount = 0;

  constructor(values) {
    this.#values = values;
    process.once('SIGINT', () => this.#abandon(130));
    process.once('SIGTERM', () => this.#abandon(143));
  }

  get isEmulated() {
    return this.#values.up !== undefined;
  }

  get host() {
    return this.#values.host;
  }

  /** Runs `measure` on a fresh link of that profile, again while the link was late; resolves to what it resolved to. */
  async onLink(profile, measure) {
    for (let repetition = 0; ; repetition++) {
      this.#shell(this.#values.up, { profile });
      let result;
      let late;
      try {
        result = await measure();
      } finally {
        for (const child of this.#running) child.kill();
        late = latePercent(this.#shell(this.#values.down, { profile }));
      }
      if (late <= MAX_LATE_PERCENT) return result;
      this.repeatedCount++;
      if (repetition === MAX_REPETITIONS) {
        throw new Error(`the link was late for ${late} % of its packets, again and again: quiet the machine`);
      }
    }
  }

  /** Congestion control of TCP on both sides. */
  useTcp(controller) {
    this.#shell(this.#values.tcp, { controller });
  }

  /** Starts a server on its side; resolves to its port and a way to end it. */
  async serve(contestant, ...args) {
    const child = this.#spawn(this.#values.server, ['serve', contestant, this.host, ...args]);
    const port = await firstLine(child);
    return { port, stop: () => stop(child) };
  }

  /** Runs a client to its end; resolves to the JSON of its first line. */
  async run(verb, contestant, ...args) {
    const child = this.#spawn(this.#values.client, [verb, contestant, this.host, ...args.map(String)]);
    try {
      return JSON.parse(await firstLine(child));
    } finally {
      await stop(child);
    }
  }

  #spawn(prefix, args) {
    const words = [...prefix.split(' ').filter(Boolean), process.execPath, SIDE, ...args.map(String)];
    const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  #shell(template, names) {
    if (template === undefined) return '';
    const command = template.replace(/\{(\w+)\}/g, (_, name) => names[name] ?? '');
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command}\n${stderr}`);
    return stdout + stderr;
  }

  #abandon(code) {
    for (const child of this.#running) child.kill();
    this.#shell(this.#values.down, {});
    process.exit(code);
  }
}

const SIDE = fileURLToPath(new URL('side.mjs', import.meta.url));

async function firstLine(child) {
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) return text.split('\n')[0];
  }
  throw new Error(`a process ended without a word: ${child.spawnargs.join(' ')}`);
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

function latePercent(text) {
  return Math.max(0, ...[...text.matchAll(/late \d+ \(([\d.]+) %\)/g)].map(([, percent]) => Number(percent)));
}
