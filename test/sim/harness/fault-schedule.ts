/**
 * The faults of a scenario that happen at a time of their own: hosts that pause, crash and start again, paths that get
 * narrower, clients whose address changes. What they do to the network; whoever runs on a host is told by the world.
 */
import { type Timer } from '../../../src/base/clock.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { type SimNetwork, type SimSocket } from '../../../src/sim/sim-network.js';
import { type Address } from '../../../src/transport/path/path.js';
import { type Move, type Scenario } from './scenario.js';

export interface FaultyWorld {
  readonly scenario: Scenario;
  readonly network: SimNetwork;
  readonly server: SimHost;
  readonly clients: readonly SimHost[];
  /** All faults end then. */
  readonly healsAt: number;
  count(name: string): void;
  note(text: string): void;
  /** Of the client as it runs now. */
  clientSocket(client: number): SimSocket;
  /** The host is gone, and what ran on it. -1: the server. */
  onCrash(host: number): void;
  onRestart(host: number): void;
}

export class FaultSchedule {
  readonly #world: FaultyWorld;
  /** Addresses that clients had and have no more, the latest last. */
  readonly #givenUp: { readonly client: number; readonly address: Address }[] = [];
  readonly #firstAddresses: readonly Address[];
  /** By host, when it is down, what starts it again. */
  readonly #restarts = new Map<number, Timer>();
  #nextIp = 1;

  constructor(world: FaultyWorld) {
    this.#world = world;
    this.#firstAddresses = world.clients.map((_, client) => world.clientSocket(client).address);
    const { pauses, crashes, mtuChanges, moves } = world.scenario;
    for (const { host, atMs, forMs } of pauses) {
      this.#at(atMs, () => {
        this.#pause(host, forMs);
      });
    }
    for (const { host, atMs, downMs } of crashes) {
      this.#at(atMs, () => {
        this.#crash(host, downMs);
      });
    }
    for (const { atMs, bytes } of mtuChanges) {
      this.#at(atMs, () => {
        world.count('fault/mtuChange');
        world.network.changeLinks((conditions) => ({ ...conditions, maxDatagramBytes: bytes }));
      });
    }
    for (const move of moves) {
      this.#at(move.atMs, () => {
        this.#move(move);
      });
    }
  }

  /** All faults are over from now on: what is down starts before anything else is asked of it. */
  end(): void {
    for (const [host, restart] of [...this.#restarts]) {
      restart.cancel();
      this.#world.count(host === -1 ? 'fault/server down at healing' : 'fault/client down at healing');
      this.#restart(host);
    }
  }

  #at(atMs: number, happen: () => void): void {
    this.#world.network.clock.setTimer(happen, atMs);
  }

  #host(index: number): SimHost {
    const { server, clients } = this.#world;
    return index === -1 ? server : (clients[index] ?? server);
  }

  #pause(index: number, forMs: number): void {
    const host = this.#host(index);
    this.#world.note(`pause ${host.ip} ${forMs}`);
    this.#world.count('fault/pause');
    host.pause(Math.min(this.#world.network.clock.now() + forMs, this.#world.healsAt));
  }

  #crash(index: number, downMs: number): void {
    const { network, healsAt } = this.#world;
    if (this.#restarts.has(index) || network.clock.now() >= healsAt) return;
    this.#world.count(index === -1 ? 'fault/serverCrash' : 'fault/clientCrash');
    network.crash(this.#host(index));
    this.#world.onCrash(index);
    const restart = network.clock.setTimer(() => {
      this.#restart(index);
    }, downMs);
    this.#restarts.set(index, restart);
  }

  #restart(index: number): void {
    this.#restarts.delete(index);
    this.#world.note(`restart ${this.#host(index).ip}`);
    this.#world.onRestart(index);
  }

  #move(move: Move): void {
    const { network } = this.#world;
    const socket = this.#world.clientSocket(move.client);
    if (socket.isClosed || network.clock.now() >= this.#world.healsAt) return;
    const before = socket.address;
    const wanted = this.#wantedAddress(move, before);
    const isTaken = !network.isFree(wanted);
    network.readdress(socket, isTaken ? { ip: before.ip, port: 0 } : wanted);
    this.#givenUp.push({ client: move.client, address: before });
    this.#world.count(`fault/move ${isTaken ? 'port' : move.to}`);
  }

  #wantedAddress({ client, to }: Move, before: Address): Address {
    switch (to) {
      case 'port':
        return { ip: before.ip, port: 0 };
      case 'address':
        return { ip: `10.2.${client}.${this.#nextIp++}`, port: before.port };
      case 'inherited':
        return this.#givenUp.findLast((one) => one.client !== client)?.address ?? before;
      case 'returned':
        return this.#firstAddresses[client] ?? before;
    }
  }
}
