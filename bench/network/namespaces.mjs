/**
 * Two network namespaces joined by a veth pair, whose server's end is a slow link: what a measurement needs that changes
 * addresses or MTUs in its midst. Root and Linux only. They and the processes in them are gone when it ends, by whatever:
 * a signal, an error, or `longestRunMs`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The interface, on both sides. */
export const LINK = 'udprpc';

/** Says why not and returns false where there can be no namespaces. */
export function mayMakeNamespaces() {
  if (process.getuid?.() === 0 && spawnSync('ip', ['-V']).status === 0) return true;
  console.error('this makes network namespaces: run it as root, on Linux, with the command ip');
  process.exitCode = 2;
  return false;
}

/** Makes them, runs `measure` with both, removes them. `tag` is in their names, beside the process ID. */
export async function withNamespaces({ tag, serverIp, clientIp, rate, longestRunMs }, measure) {
  const pair = new NamespacePair(tag);
  const abandon = (signal) => {
    pair.remove();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', abandon).on('SIGTERM', abandon);
  const timer = setTimeout(() => pair.killAll(), longestRunMs);
  try {
    pair.join(serverIp, clientIp, rate);
    return await measure(pair);
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', abandon).off('SIGTERM', abandon);
    pair.remove();
  }
}

class NamespacePair {
  #children = [];

  constructor(tag) {
    this.server = `udprpc-${tag}-s${process.pid}`;
    this.client = `udprpc-${tag}-c${process.pid}`;
  }

  join(serverIp, clientIp, rate) {
    for (const name of [this.server, this.client]) ip('netns', 'add', name);
    ip('-n', this.server, 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', LINK, 'netns', this.client);
    for (const [name, address] of [
      [this.server, serverIp],
      [this.client, clientIp],
    ]) {
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', LINK);
      ip('-n', name, 'link', 'set', LINK, 'up');
    }
    const shaper = ['root', 'tbf', 'rate', rate, 'burst', '64kb', 'limit', '256kb'];
    run('tc', '-n', this.server, 'qdisc', 'add', 'dev', LINK, ...shaper);
  }

  /** A node process in the namespace of that name, whose output is text and whose input may be ended to stop it. */
  spawn(name, script, ...args) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const command = ['netns', 'exec', name, process.execPath, path, ...args.map(String)];
    const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8');
    this.#children.push(child);
    return child;
  }

  killAll() {
    for (const child of this.#children) child.kill();
  }

  remove() {
    this.killAll();
    for (const name of [this.server, this.client]) spawnSync('ip', ['netns', 'delete', name]);
  }
}

export function ip(...args) {
  return run('ip', ...args);
}

function run(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
