/** Counts what was sent and what became of it, for each direction between two addresses, as their sockets see them. */
import { type Datagram } from '../sim/link.js';
import { type Fate, FATES, type NetworkObserver } from '../sim/sim-network.js';
import { isAbout, type LinkDirection } from './link-rules.js';

/**
 * Datagrams that were `sent`, with their bytes, and how many of them met each fate: `delivered`, `lost`, `blackedOut`,
 * `noSocket` and so on. One datagram may meet several, and a copy of it counts again when it arrives.
 */
export type LinkStats = Readonly<Record<Fate | 'sent' | 'sentBytes', number>>;

export class LinkCounts implements NetworkObserver {
  readonly #counts = new Map<string, Direction>();

  onSent(datagram: Datagram): void {
    const { stats } = this.#of(datagram);
    stats.sent++;
    stats.sentBytes += datagram.bytes.length;
  }

  onDelivered(): void {
    // The link has counted it.
  }

  onFate(fate: Fate, datagram: Datagram): void {
    this.#of(datagram).stats[fate]++;
  }

  sumOf(direction: LinkDirection): LinkStats {
    const sum = zeros();
    for (const { fromIp, toIp, stats } of this.#counts.values()) {
      if (!isAbout(direction, fromIp, toIp)) continue;
      for (const name of NAMES) sum[name] += stats[name];
    }
    return sum;
  }

  #of({ from, to }: Datagram): Direction {
    const name = `${from.ip}>${to.ip}`;
    let direction = this.#counts.get(name);
    if (direction === undefined) {
      direction = { fromIp: from.ip, toIp: to.ip, stats: zeros() };
      this.#counts.set(name, direction);
    }
    return direction;
  }
}

type Counts = Record<keyof LinkStats, number>;

interface Direction {
  readonly fromIp: string;
  readonly toIp: string;
  readonly stats: Counts;
}

const NAMES: readonly (keyof LinkStats)[] = ['sent', 'sentBytes', ...FATES];

function zeros(): Counts {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as Counts;
}
