/**
 * Which servers a policy is offered, and which are to be connected to: priorities first, then whether they can be used,
 * then whether they are ejected. When nothing else is left those that are ejected are offered all the same: a server that
 * does badly is better than none. Pure.
 */
import { type Policy } from './policy.js';

/** What it asks of a server. */
export interface OfferedServer {
  readonly priority: number;
  readonly isReady: boolean;
  /** An attempt would get there, now or soon. */
  readonly isReachable: boolean;
  readonly record: {
    readonly isEjected: boolean;
    readonly probeAt: number;
    mayTake(isSafe: boolean, now: number): boolean;
  };
}

export interface Offer<Server> {
  /** For the policy to pick from. */
  readonly servers: readonly Server[];
  /** Servers up to this priority are connected to. */
  readonly priority: number;
  /** One of them is ejected and waits for its probe. */
  readonly hasProbation: boolean;
  /** When to make the next offer, if nothing else happens: an ejected server may be probed then. */
  readonly validUntil: number;
}

export const NO_OFFER: Offer<never> = {
  servers: [],
  priority: 0,
  hasProbation: false,
  validUntil: Infinity,
};

/** `servers`: all of them, by priority. */
export function offerOf<Server extends OfferedServer>(
  servers: readonly Server[],
  offers: Policy['offers'],
  now: number,
): Offer<Server> {
  const isUsable = (server: Server): boolean => (offers === 'usable' ? server.isReachable : server.isReady);
  const usable = servers.filter((server) => isUsable(server) && server.record.mayTake(true, now));
  const offered = usable.length > 0 ? usable : servers.filter(isUsable);
  const lowest = offered[0]?.priority;
  const wanted = servers.find((server) => server.isReachable && server.record.mayTake(true, now));
  return {
    servers: offered.filter(({ priority }) => priority === lowest),
    priority: wanted?.priority ?? Infinity,
    hasProbation: usable.some(({ record }) => record.isEjected),
    validUntil: servers.reduce(
      (at, { record }) => (record.probeAt > now ? Math.min(at, record.probeAt) : at),
      Infinity,
    ),
  };
}

/** Of those that are offered, which are best for this attempt: all, where none is better. */
export function without<Server>(
  servers: readonly Server[],
  isWorse: (server: Server) => boolean,
): readonly Server[] {
  const better = servers.filter((server) => !isWorse(server));
  return better.length === 0 ? servers : better;
}
