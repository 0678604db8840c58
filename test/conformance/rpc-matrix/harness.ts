/**
 * What the cases of the RPC matrix need of a world to run in: a way to serve, a way to connect, and its time. Sockets,
 * the simulated network and two ends in memory each bring one, so that all three are held to the same cases.
 */
import { type RpcEnvironment } from '../../../src/rpc/rpc-environment.js';
import { type Acceptor, type Connector } from '../../../src/rpc/stream-transport.js';

export interface RpcHarness {
  readonly environment: RpcEnvironment;
  readonly acceptor: Acceptor;
  /** To be listened on; port 0. */
  readonly address: string;

  /** To the server that listens on this port. */
  connectorTo(port: number): Connector;

  /** Lets the world go on, time included, until the promise has settled, and settles as it does. */
  settle<T>(promise: Promise<T>): Promise<T>;

  /** Lets this much of the world's time pass. */
  pass(ms: number): Promise<void>;

  /** After everything was closed. Throws when something of it is left. */
  end(): Promise<void>;
}

export type OpenHarness = () => RpcHarness | Promise<RpcHarness>;
