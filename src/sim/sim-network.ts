/**
 * Hosts, sockets bound to their ports, and a link for each direction between two hosts. Everything that is sent and
 * everything that arrives passes an observer, which is how invariants are checked from outside, and the trace.
 * A datagram to a living host without a socket on that port is refused as by ICMP, unless that is turned off.
 * A host may have further addresses, and a socket's may change under it; links belong to hosts, whatever their addresses.
 */
import { assert } from '../base/assert.js';
import { CLEAN_LINK, type Datagram, Link, LINK_FATES, type LinkConditions } from './link.js';
import { type SeededRandom } from './seeded-random.js';
import { SimHost } from './sim-host.js';
import { type Trace } from './trace.js';
import { type VirtualClock } from './virtual-clock.js';
import { type Address } from '../transport/path/path.js';

export interface SocketHandler {
  /** The bytes belong to the handler. */
  onDatagram(bytes: Uint8Array, from: Address): void;
  /** Nobody listens there (ICMP). */
  onRefused(to: Address): void;
}

/** What befalls a datagram in the network, and at the sockets at its ends. */
export const FATES = [...LINK_FATES, 'noSocket', 'sendFailed', 'bufferFull'] as const;

/** What became of a datagram. */
export type Fate = (typeof FATES)[number];

export interface NetworkObserver {
  /** Before the link decides its fate. */
  onSent(datagram: Datagram): void;
  /** Just before the socket gets it. */
  onDelivered(datagram: Datagram): void;
  onFate(fate: Fate, datagram: Datagram): void;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly trace?: Trace;
  /** For the trace: a short digest of a datagram's bytes. */
  readonly digest?: (bytes: Uint8Array) => number;
  readonly hasIcmp?: boolean;
  /** Of a link when it is first used or asked for. Default: CLEAN_LINK for all. */
  readonly conditions?: (fromIp: string, toIp: string) => LinkConditions;
}

export class SimNetwork {
  readonly clock: VirtualClock;
  observer: NetworkObserver | undefined;
  readonly #options: NetworkOptions;
  readonly #hosts = new Map<string, SimHost>();
  readonly #sockets = new Map<string, SimSocket>();
  readonly #links = new Map<string, Link>();
  /** Whose an address is or was last, by IP address and by socket address: so that also what comes too late has a way. */
  readonly #homes = new Map<string, string>();

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.clock = options.clock;
  }

  addHost(ip: string): SimHost {
    assert(!this.#hosts.has(ip), `two hosts at ${ip}`);
    const host = new SimHost(ip, this.clock);
    this.#hosts.set(ip, host);
    this.#homes.set(ip, ip);
    return host;
  }

  /** The direction from one host to another, each by its first address; as `NetworkOptions.conditions` says until its own are set. */
  link(fromIp: string, toIp: string): Link {
    const name = `${fromIp}>${toIp}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      const random = this.#options.random.fork(name);
      const conditions = this.#options.conditions?.(fromIp, toIp) ?? CLEAN_LINK;
      link = new Link(this.clock, random, conditions, this.#onFate, this.#onArrival);
      this.#links.set(name, link);
    }
    return link;
  }

  /** The same conditions in both directions. */
  connect(oneIp: string, otherIp: string, conditions: LinkConditions): void {
    this.link(oneIp, otherIp).conditions = conditions;
    this.link(otherIp, oneIp).conditions = conditions;
  }

  /** Sets every link that there is. */
  changeLinks(change: (conditions: LinkConditions, fromIp: string, toIp: string) => LinkConditions): void {
    for (const [name, link] of this.#links) {
      const [fromIp = '', toIp = ''] = name.split('>');
      link.conditions = change(link.conditions, fromIp, toIp);
    }
  }

  /** Port 0 takes a free one. `ip`: a further address of the host. */
  bind(host: SimHost, port: number, handler: SocketHandler, ip = host.ip): SimSocket {
    const address = { ip, port: port === 0 ? this.#freePort(ip) : port };
    const socket = new SimSocket(address, host, handler, this.#onSend, () => {
      this.#sockets.delete(nameOf(socket.address));
    });
    this.#enter(socket);
    return socket;
  }

  /**
   * From now on what this socket sends comes from there, and what is sent there comes to it, as when a NAT has forgotten
   * it or its host is in another network. What is on its way to the address before finds nobody, or who has that then.
   * Port 0 takes a free one.
   */
  readdress(socket: SimSocket, { ip, port }: Address): void {
    if (socket.isClosed) return;
    const address = { ip, port: port === 0 ? this.#freePort(ip) : port };
    this.#sockets.delete(nameOf(socket.address));
    socket.address = address;
    this.#enter(socket);
    this.#trace(`readdress ${socket.host.ip} ${nameOf(socket.address)}`);
  }

  isFree(address: Address): boolean {
    return !this.#sockets.has(nameOf(address));
  }

  /** Ends a host as a power failure would: its sockets are gone, nothing of it runs again. */
  crash(host: SimHost): void {
    this.#trace(`crash ${host.ip}`);
    host.crash();
    for (const socket of [...this.#sockets.values()]) if (socket.host === host) socket.close();
  }

  #enter(socket: SimSocket): void {
    const name = nameOf(socket.address);
    assert(!this.#sockets.has(name), `two sockets at ${name}`);
    this.#sockets.set(name, socket);
    this.#homes.set(name, socket.host.ip);
    if (!this.#homes.has(socket.address.ip)) this.#homes.set(socket.address.ip, socket.host.ip);
  }

  #freePort(ip: string): number {
    for (let port = FIRST_EPHEMERAL_PORT; ; port++) if (this.isFree({ ip, port })) return port;
  }

  #homeOf(address: Address): string {
    return this.#homes.get(nameOf(address)) ?? this.#homes.get(address.ip) ?? address.ip;
  }

  readonly #onSend = (datagram: Datagram, isFailing: boolean): void => {
    this.#traceDatagram('>', datagram);
    this.observer?.onSent(datagram);
    if (isFailing) this.#onFate('sendFailed', datagram);
    else this.link(this.#homeOf(datagram.from), this.#homeOf(datagram.to)).send(datagram);
  };

  readonly #onFate = (fate: Fate, datagram: Datagram): void => {
    if (fate !== 'delivered') this.#traceDatagram(fate, datagram);
    this.observer?.onFate(fate, datagram);
  };

  readonly #onArrival = (datagram: Datagram): void => {
    const host = this.#hosts.get(datagram.to.ip);
    const socket = this.#sockets.get(nameOf(datagram.to));
    if (socket === undefined) {
      this.#onFate('noSocket', datagram);
      if (host !== undefined && this.#options.hasIcmp !== false) this.#refuse(datagram);
      return;
    }
    if (!socket.mayBuffer()) {
      this.#onFate('bufferFull', datagram);
      return;
    }
    socket.host.run(() => {
      socket.onRead();
      if (socket.isClosed) return;
      this.#traceDatagram('<', datagram);
      this.observer?.onDelivered(datagram);
      // Copies of one datagram share their bytes on the way; each reader owns what it is given.
      socket.handler.onDatagram(datagram.bytes.slice(), datagram.from);
    });
  };

  /** The answer of ICMP takes the way back and can be lost on it, but nothing else befalls it. */
  #refuse(datagram: Datagram): void {
    const { conditions } = this.link(this.#homeOf(datagram.to), this.#homeOf(datagram.from));
    if (this.#options.random.chance(conditions.lossRate)) return;
    this.clock.setTimer(() => {
      const socket = this.#sockets.get(nameOf(datagram.from));
      if (socket === undefined) return;
      socket.host.run(() => {
        this.#traceDatagram('refused', datagram);
        if (!socket.isClosed) socket.handler.onRefused(datagram.to);
      });
    }, conditions.delayMs);
  }

  #traceDatagram(what: string, datagram: Datagram): void {
    if (this.#options.trace === undefined) return;
    const { from, to, bytes } = datagram;
    const digest = (this.#options.digest?.(bytes) ?? 0).toString(16);
    this.#trace(`${what} ${from.ip}:${from.port} ${to.ip}:${to.port} ${bytes.length} ${digest}`);
  }

  #trace(text: string): void {
    this.#options.trace?.line(this.clock.now(), text);
  }
}

export class SimSocket {
  /** As others see it: `SimNetwork.readdress` changes it, and nothing tells the host. */
  address: Address;
  readonly host: SimHost;
  readonly handler: SocketHandler;
  /** Datagrams that may wait while the host is paused: what a default Linux buffer holds of small ones. */
  bufferDatagrams = 256;
  /** True for a send that the system refuses (ENOBUFS): the datagram is gone. */
  isSendFailing: () => boolean = () => false;
  readonly #send: (datagram: Datagram, isFailing: boolean) => void;
  readonly #onClose: () => void;
  #buffered = 0;
  #isClosed = false;

  constructor(
    address: Address,
    host: SimHost,
    handler: SocketHandler,
    send: (datagram: Datagram, isFailing: boolean) => void,
    onClose: () => void,
  ) {
    this.address = address;
    this.host = host;
    this.handler = handler;
    this.#send = send;
    this.#onClose = onClose;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Copies the bytes before it returns. */
  send(bytes: Uint8Array, to: Address): void {
    if (this.#isClosed) return;
    this.#send({ from: this.address, to, bytes: bytes.slice() }, this.isSendFailing());
  }

  /** Idempotent. Frees the port. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
  }

  /** Takes a place in the buffer, if there is one; `onRead` gives it back. */
  mayBuffer(): boolean {
    if (this.#buffered >= this.bufferDatagrams) return false;
    this.#buffered++;
    return true;
  }

  onRead(): void {
    this.#buffered--;
  }
}

function nameOf({ ip, port }: Address): string {
  return `${ip}:${port}`;
}

const FIRST_EPHEMERAL_PORT = 40_000;
