/**
 * The servers of the resolver's last answer, in order of priority. A server that is named again stays the same one, with
 * its connection; one that is not named any more takes no attempt and ends with the last of those that it has.
 */
import { textOf } from '../client/call-message.js';
import { Backend, type BackendOwner } from './backend.js';
import { type ResolvedOutlierEjection } from './outlier-ejection.js';
import { type ServerAddress } from './resolver.js';

export class ServerSet {
  /** By priority, and then in the resolver's order. */
  servers: readonly Backend[] = [];
  readonly #owner: BackendOwner;
  readonly #ejection: ResolvedOutlierEjection;
  /** Not named any more, and not over. */
  readonly #leaving = new Set<Backend>();

  constructor(owner: BackendOwner, ejection: ResolvedOutlierEjection) {
    this.#owner = owner;
    this.#ejection = ejection;
  }

  /** Returns what is wrong with the answer, if anything is; what is right of it counts. None that is right: the last holds. */
  update(answer: readonly ServerAddress[]): string | undefined {
    const known = new Map(this.servers.map((server) => [server.address, server]));
    const next = new Map<string, Backend>();
    let complaint: string | undefined;
    if (answer.length > MAX_SERVERS)
      complaint = `${answer.length} servers: the first ${MAX_SERVERS} are used`;
    for (const server of answer.slice(0, MAX_SERVERS)) {
      try {
        checkServer(server);
        if (next.has(server.address)) continue;
        const backend = known.get(server.address);
        backend?.update(server);
        next.set(server.address, backend ?? new Backend(this.#owner, server, this.#ejection));
      } catch (error) {
        complaint ??= textOf(error);
      }
    }
    if (next.size === 0) return complaint ?? 'there is no server';
    this.servers = [...next.values()].sort((a, b) => a.priority - b.priority);
    for (const [address, backend] of known) if (!next.has(address)) this.#leave(backend);
    return complaint;
  }

  /** One of them has closed. */
  onClosed(backend: Backend): void {
    this.#leaving.delete(backend);
  }

  rebind(): void {
    for (const { subchannel } of this.servers) subchannel.rebind();
  }

  async close(reason: string): Promise<void> {
    const all = [...this.servers, ...this.#leaving];
    await Promise.all(all.map(({ subchannel }) => subchannel.close(reason)));
  }

  #leave(backend: Backend): void {
    backend.isGone = true;
    this.#leaving.add(backend);
    backend.subchannel.drain(`${backend.address} is not among the servers any more`);
  }
}

/** What a resolver says is a user's. */
function checkServer(server: ServerAddress): void {
  const { address, weight = 1, priority = 0 } = server;
  if (typeof address !== 'string')
    throw new Error(`the address of a server is ${JSON.stringify(address)}: it takes host:port`);
  if (!(weight > 0 && weight < Infinity))
    throw new Error(`${address}: weight is ${String(weight)}: it takes a number above 0`);
  if (!(priority >= 0 && priority < Infinity))
    throw new Error(`${address}: priority is ${String(priority)}: it takes a number, 0 or more`);
}

/** Each has a connection, and each client all of them: far below it a proxy is the better choice. */
const MAX_SERVERS = 1_000;
