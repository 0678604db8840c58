/**
 * The same key to the same server, on every client, as long as it is there: rendezvous hashing. Each server draws a number
 * for the key, and the lowest one has it; when a server goes only its keys move, each to the next in its own order,
 * and when one comes it takes its share from all alike. No table that could be too small, and weights are exact; the cost
 * is one multiplication chain a server and pick.
 */
import { type Random } from '../../base/random.js';
import { type PickableServer, type PickedCall, type Policy } from './policy.js';

export class ConsistentHash implements Policy {
  readonly offers = 'usable';
  readonly #random: Random;
  readonly #header: string | undefined;
  #servers: readonly PickableServer[] = [];
  #hashes = new Int32Array(0);
  #areWeighted = false;

  /** `header`: the metadata key whose value is the hash key of calls that have none. Calls without either go anywhere. */
  constructor(random: Random, header: string | undefined) {
    this.#random = random;
    this.#header = header;
  }

  pick(servers: readonly PickableServer[], { hashKey, metadata }: PickedCall): PickableServer {
    const key = hashKey ?? (this.#header === undefined ? undefined : metadata?.get(this.#header));
    if (key === undefined)
      return servers[Math.floor(this.#random.fraction() * servers.length)] as PickableServer;
    if (servers !== this.#servers) this.#begin(servers);
    return this.#owner(hashOf(String(key)));
  }

  #begin(servers: readonly PickableServer[]): void {
    // In one order on every client, so that equal draws go to the same server.
    this.#servers = servers;
    this.#hashes = Int32Array.from(servers, ({ address }) => hashOf(address));
    this.#areWeighted = servers.some(({ weight }) => weight !== servers[0]?.weight);
  }

  #owner(keyHash: number): PickableServer {
    const servers = this.#servers;
    let best = servers[0] as PickableServer;
    let bestDraw = Infinity;
    for (let i = 0; i < servers.length; i++) {
      const server = servers[i] as PickableServer;
      const draw = this.#drawOf(server, mix(keyHash ^ (this.#hashes[i] as number)));
      if (draw < bestDraw || (draw === bestDraw && server.address < best.address)) {
        best = server;
        bestDraw = draw;
      }
    }
    return best;
  }

  /** With weights: exponential draws, of which each server's is the lowest as often as its weight says. */
  #drawOf({ weight }: PickableServer, draw: number): number {
    return this.#areWeighted ? -Math.log1p(-(draw + 0.5) / 2 ** 32) / weight : draw;
  }
}

/** Of UTF-16 units (FNV-1a), well mixed. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ (text.charCodeAt(i) & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (text.charCodeAt(i) >>> 8), 0x01000193);
  }
  return mix(hash) | 0;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of those that come out. From 0 to 2^32 - 1. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
