/**
 * Invariants of endpoints and of all of their connections, from their public state: every datagram accounted for,
 * nothing asleep that has something to do, nothing left at the end. Each connection has a `ConnectionWatch`.
 */
import { type Connection } from '../../../src/transport/connection/connection.js';
import { type SimEndpoint } from '../../../src/sim/sim-endpoint.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { type Address } from '../../../src/transport/path/path.js';
import { ConnectionWatch, type ConnectionWatchOptions } from './connection-watch.js';
import { check } from './violation.js';

export class EndpointWatch {
  readonly #endpoints = new Map<string, SimEndpoint>();
  readonly #hosts = new Map<string, SimHost>();
  readonly #dropTotals = new Map<string, number>();
  /** Of each endpoint all that it ever had: what it has forgotten has counted too. */
  readonly #connections = new Map<SimEndpoint, Set<Connection>>();
  readonly #watches = new Map<string, ConnectionWatch>();
  /** Local IDs of connections whose handshake somebody meddled with. */
  readonly #altered = new Set<string>();
  maxConnections = 0;

  add(name: string, endpoint: SimEndpoint, host: SimHost): void {
    this.#endpoints.set(name, endpoint);
    this.#hosts.set(name, host);
    this.#connections.set(endpoint, new Set());
  }

  remove(name: string): void {
    const endpoint = this.#endpoints.get(name);
    this.#endpoints.delete(name);
    if (endpoint === undefined) return;
    // Also those that began within this turn.
    for (const connection of endpoint.pump.endpoint.connections)
      this.#connections.get(endpoint)?.add(connection);
    this.#account(name, endpoint);
  }

  /** This side of a connection was told other bytes than the other side said: nothing may be established with them. */
  onAlteredHandshake(localId: Uint8Array): void {
    this.#altered.add(hex(localId));
  }

  /** For the endpoints' option of that name. */
  observe(options: ConnectionWatchOptions): ConnectionWatch {
    const watch = new ConnectionWatch(options);
    this.#watches.set(hex(options.facts.localId), watch);
    return watch;
  }

  /** After every turn. `isFinished`: nothing waits for the next one but timers. */
  check(now: number, isFinished: boolean): void {
    for (const [name, simEndpoint] of this.#endpoints) {
      const { endpoint } = simEndpoint.pump;
      if (isFinished && !simEndpoint.socket.isClosed) this.#checkTimer(name, endpoint.pollTimeout(), now);
      const all = this.#connections.get(simEndpoint);
      this.maxConnections = Math.max(this.maxConnections, endpoint.connectionCount);
      for (const connection of endpoint.connections) {
        all?.add(connection);
        if (connection.closed === undefined) this.#checkConnection(name, connection, now);
      }
    }
  }

  /** Whether a connection of the endpoint at `server` sends to `client` without limit. */
  isValidated(server: Address, client: Address): boolean {
    for (const { pump, sockets } of this.#endpoints.values()) {
      const local = sockets.findIndex(
        ({ address }) => address.ip === server.ip && address.port === server.port,
      );
      if (local < 0) continue;
      for (const { localId } of pump.endpoint.connections) {
        if (this.#watches.get(hex(localId))?.isValidated(client, local) === true) return true;
      }
    }
    return false;
  }

  /** Over all connections of which both sides live: one whose peer is gone ends by its idle timeout. */
  openStreams(): number {
    const sides = new Map<string, Connection[]>();
    for (const { pump, socket } of this.#endpoints.values()) {
      if (socket.isClosed) continue;
      for (const connection of pump.endpoint.connections) {
        if (connection.closed !== undefined) continue;
        const id = hex(connection.originalDestinationId);
        sides.set(id, [...(sides.get(id) ?? []), connection]);
      }
    }
    let count = 0;
    for (const both of sides.values()) {
      if (both.length === 2) for (const { openStreamCount } of both) count += openStreamCount;
    }
    return count;
  }

  /** `arrivedFor`: how many different packets arrived for a connection ID, where that can be told from outside. */
  checkEmpty(arrivedFor: (localId: Uint8Array) => number | undefined): void {
    for (const [simEndpoint, connections] of this.#connections) {
      for (const { localId, stats } of connections) {
        const arrived = arrivedFor(localId) ?? Infinity;
        this.#watches.get(hex(localId))?.checkReceived(stats.datagramsReceived);
        check(
          stats.packetsReceived <= arrived,
          () => `${simEndpoint.socket.address.ip}: ${stats.packetsReceived} packets read, ${arrived} arrived`,
        );
      }
    }
    for (const [name, { pump, socket }] of this.#endpoints) {
      if (socket.isClosed) continue;
      check(
        pump.endpoint.connectionCount === 0,
        () => `${name}: ${pump.endpoint.connectionCount} connections left when all is closed`,
      );
      const { connectionIdCount, bufferBytes } = pump.endpoint;
      check(connectionIdCount === 0, () => `${name}: ${connectionIdCount} IDs of connections that are gone`);
      check(bufferBytes === 0, () => `${name}: ${bufferBytes} bytes in buffers of connections that are gone`);
    }
  }

  drops(): Map<string, number> {
    for (const name of [...this.#endpoints.keys()]) this.remove(name);
    return this.#dropTotals;
  }

  /** Of all timers of its host one runs no later than something is due. Paused, it sets none. */
  #checkTimer(name: string, dueAt: number, now: number): void {
    const host = this.#hosts.get(name);
    if (host === undefined || host.isPaused || dueAt === Infinity) return;
    check(
      host.nextTimerAt <= Math.max(dueAt, now) + ROUNDING_MS,
      () =>
        `${name}: something is due in ${dueAt - now} ms, and no timer runs for ${host.nextTimerAt - now} ms`,
    );
  }

  #checkConnection(name: string, connection: Connection, now: number): void {
    if (this.#altered.size > 0) this.#checkUnestablished(name, connection);
    this.#watches.get(hex(connection.localId))?.checkAwake(connection.pollTimeout(), now);
  }

  /** A server is confirmed by its own judgement: it must only never take anything for the client's. */
  #checkUnestablished(name: string, { role, isReady, peerOpenedStreamCount, localId }: Connection): void {
    if (!this.#altered.has(hex(localId))) return;
    const isEstablished = role === 'client' ? isReady : peerOpenedStreamCount > 0;
    check(!isEstablished, () => `${name}: a connection stands on altered bytes`);
  }

  /** Every datagram went to a connection or was dropped for a reason. */
  #account(name: string, simEndpoint: SimEndpoint): void {
    const { endpoint } = simEndpoint.pump;
    let accounted = 0;
    for (const [reason, count] of Object.entries(endpoint.drops)) {
      this.#add(reason, count);
      accounted += count;
    }
    for (const { stats } of this.#connections.get(simEndpoint) ?? []) {
      accounted += stats.datagramsReceived;
      for (const [reason, count] of Object.entries(stats.drops)) this.#add(reason, count);
    }
    check(
      accounted === endpoint.datagramsReceived,
      () => `${name}: ${endpoint.datagramsReceived} datagrams received, ${accounted} accounted for`,
    );
  }

  #add(reason: string, count: number): void {
    this.#dropTotals.set(reason, (this.#dropTotals.get(reason) ?? 0) + count);
  }
}

/** Of times that are differences of large ones. */
const ROUNDING_MS = 0.01;

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
