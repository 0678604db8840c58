/**
 * The servers in turn, each as often as its weight says, spread evenly (the smooth weighted round robin of nginx). It
 * begins anywhere, so that many clients that start together do not all begin with the same server.
 */
import { type Random } from '../../base/random.js';
import { type PickableServer, type Policy } from './policy.js';

export class RoundRobin implements Policy {
  readonly #random: Random;
  #servers: readonly PickableServer[] = [];
  /** Undefined: all weigh the same. */
  #credit: Float64Array | undefined;
  #totalWeight = 0;
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(servers: readonly PickableServer[]): PickableServer {
    if (servers !== this.#servers) this.#begin(servers);
    const index = this.#credit === undefined ? this.#nextInTurn() : this.#nextByWeight(this.#credit);
    return servers[index] as PickableServer;
  }

  #begin(servers: readonly PickableServer[]): void {
    this.#servers = servers;
    this.#next = Math.floor(this.#random.fraction() * servers.length);
    this.#totalWeight = servers.reduce((sum, { weight }) => sum + weight, 0);
    const isEven = servers.every(({ weight }) => weight === servers[0]?.weight);
    this.#credit = isEven ? undefined : new Float64Array(servers.length);
  }

  #nextInTurn(): number {
    const index = this.#next;
    this.#next = index + 1 === this.#servers.length ? 0 : index + 1;
    return index;
  }

  #nextByWeight(credit: Float64Array): number {
    let best = 0;
    for (let i = 0; i < credit.length; i++) {
      credit[i] = (credit[i] as number) + (this.#servers[i] as PickableServer).weight;
      if ((credit[i] as number) > (credit[best] as number)) best = i;
    }
    credit[best] = (credit[best] as number) - this.#totalWeight;
    return best;
  }
}
