/** One server for all calls, the first in the resolver's order that answers, until it is lost. */
import { type PickableServer, type Policy } from './policy.js';

export class PickFirst implements Policy {
  readonly connects = 'first';
  #current: PickableServer | undefined;

  pick(servers: readonly PickableServer[]): PickableServer {
    const current = this.#current;
    if (current !== undefined && servers.includes(current)) return current;
    return (this.#current = servers[0] as PickableServer);
  }
}
