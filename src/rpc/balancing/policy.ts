/**
 * What decides to which of several servers an attempt goes. A policy sees only servers that can be used: those that are
 * down, ejected, of a lower priority, or that have failed the same call already are left out before it is asked.
 */
import { type Metadata } from 'nice-grpc-common';

/** A server, as a policy sees it: always the same object, whose numbers change. */
export interface PickableServer {
  /** As the resolver has it. */
  readonly address: string;
  readonly weight: number;
  /** Attempts that it has and that are not over. */
  readonly inFlight: number;
  /** How long its answers take to begin: a mean that rises at once and falls over 10 s; undefined before the first. */
  readonly latencyMs: number | undefined;
}

/** Of the call for which a server is picked. */
export interface PickedCall {
  /** `package.Service/Method`. */
  readonly path: string;
  /** The call option of this name. */
  readonly hashKey: string | undefined;
  readonly metadata: Metadata | undefined;
}

/** A policy of one's own: which of the servers that can be used gets an attempt. */
export interface Policy {
  /**
   * `ready` (default): it is offered servers that have a connection, and an attempt goes to another one when the picked
   * has no free stream. `usable`: also those that are connecting, and the attempt waits for the one that was picked.
   */
  readonly offers?: 'ready' | 'usable' | undefined;
  /** `all` (default): every server is connected to while there are calls. `first`: in order, until one is there. */
  readonly connects?: 'all' | 'first' | undefined;
  /**
   * One of `servers`, at once. There is at least one, and it is the same array until a server comes, goes or changes:
   * what was computed of it may be kept. What it throws ends the call with INTERNAL.
   */
  pick(servers: readonly PickableServer[], call: PickedCall): PickableServer;
}
