/**
 * A server's sockets: one for each address that it listens on, all on the same port. Behind a wildcard it looks again
 * now and then which addresses the machine has, and opens and closes sockets to match. A socket is known by its index,
 * which an address keeps for good: a connection that arrived on one is answered from there, or not at all.
 */
import { type Clock, type Timer } from '../base/clock.js';
import { type Transmit } from '../transport/connection/transmit.js';
import { type Address } from '../transport/path/path.js';
import { listenError } from './listen-error.js';
import { localAddresses } from './local-addresses.js';
import { errorCode, type SocketError } from './socket-error.js';
import { isUnspecified } from './target.js';
import { UdpSocket } from './udp-socket.js';

export interface BoundSocketsHandler {
  /** `local` is the index of the socket. The memory is the callee's to keep. */
  onDatagram(datagram: Uint8Array, remote: Address, local: number): void;
  onSocketError(error: SocketError, failed: Transmit | undefined): void;
  onReleased(transmit: Transmit): void;
}

export interface BoundSocketsOptions {
  /** IP addresses of this machine; `0.0.0.0` and `::` stand for all that it has. */
  readonly ips: readonly string[];
  /** 0: any that is free on all of them. */
  readonly port: number;
  readonly clock: Clock;
  readonly handler: BoundSocketsHandler;
  /** What a wildcard stands for now. */
  readonly localAddresses?: typeof localAddresses;
}

export class BoundSockets {
  /** Dropped: they came, or so they say, from one of these sockets. */
  datagramsFromSelf = 0;
  readonly #options: BoundSocketsOptions;
  readonly #sockets: (UdpSocket | undefined)[] = [];
  readonly #indexByIp = new Map<string, number>();
  #port = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  /** Rejects with an Error whose message names the address and says what to do. */
  static async open(options: BoundSocketsOptions): Promise<BoundSockets> {
    const bound = new BoundSockets(options);
    await bound.#open();
    return bound;
  }

  private constructor(options: BoundSocketsOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  get sockets(): readonly UdpSocket[] {
    return this.#sockets.filter((socket) => socket !== undefined);
  }

  /** The smallest receive buffer of them: what a client may count on. */
  get receiveBufferBytes(): number {
    return Math.min(...this.sockets.map(({ receiveBufferBytes }) => receiveBufferBytes));
  }

  /** What the socket of this index is bound to. */
  addressOf(local: number): Address | undefined {
    return this.#sockets[local]?.local;
  }

  /** Sends from the socket `transmit.local`, or gives it back when that address is gone. */
  send(transmit: Transmit): void {
    const socket = this.#sockets[transmit.local];
    if (socket === undefined) this.#options.handler.onReleased(transmit);
    else socket.send(transmit);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#closeAll();
  }

  async #open(): Promise<void> {
    const { port } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await this.#bindAll(this.#wantedIps(), port);
        break;
      } catch (error) {
        await this.#closeAll();
        // The first address got a free port that another address has in use: the next one may be free everywhere.
        if (port !== 0 || tries === MAX_PORT_TRIES || errorCode(error) !== 'EADDRINUSE') throw error;
      }
    }
    if (this.#options.ips.some((ip) => isUnspecified(ip))) this.#scanLater();
  }

  async #bindAll(ips: readonly string[], wantedPort: number): Promise<void> {
    this.#port = wantedPort;
    for (const ip of ips) {
      try {
        await this.#bind(ip);
      } catch (error) {
        // An address that was there a moment ago, or not yet wholly: the next scan will tell.
        if (!this.#options.ips.includes(ip) && errorCode(error) === 'EADDRNOTAVAIL') continue;
        throw listenError(error, ip, this.#port);
      }
    }
    if (this.sockets.length === 0) {
      throw new Error(`this machine has no address to listen on behind ${this.#options.ips.join(', ')}`);
    }
  }

  async #bind(ip: string): Promise<void> {
    const index = this.#indexByIp.get(ip) ?? this.#sockets.length;
    const { handler } = this.#options;
    const socket = await UdpSocket.bind(
      { ip, port: this.#port },
      {
        onDatagram: (datagram, remote) => {
          if (this.#isOwn(remote)) this.datagramsFromSelf++;
          else handler.onDatagram(datagram, remote, index);
        },
        onSocketError: (error, failed) => {
          handler.onSocketError(error, failed);
        },
        onReleased: (transmit) => {
          handler.onReleased(transmit);
        },
      },
    );
    if (this.#isClosed) {
      await socket.close();
      return;
    }
    this.#indexByIp.set(ip, index);
    this.#sockets[index] = socket;
    this.#port = socket.local.port;
  }

  /** [AMP-3] Nobody but a forger sends from there, who wants us to talk to ourselves. */
  #isOwn({ ip, port }: Address): boolean {
    if (port !== this.#port) return false;
    const index = this.#indexByIp.get(ip);
    return index !== undefined && this.#sockets[index] !== undefined;
  }

  #wantedIps(): readonly string[] {
    const list = this.#options.localAddresses ?? localAddresses;
    const ips = this.#options.ips.flatMap((ip) => {
      if (!isUnspecified(ip)) return [ip];
      return list(ip === '0.0.0.0' ? '0.0.0.0' : '::');
    });
    return [...new Set(ips)].slice(0, MAX_SOCKETS);
  }

  #scanLater(): void {
    this.#timer = this.#options.clock.setTimer(() => void this.#scan(), SCAN_INTERVAL_MS, false);
  }

  async #scan(): Promise<void> {
    const wanted = new Set(this.#wantedIps());
    for (const [ip, index] of this.#indexByIp) {
      const socket = this.#sockets[index];
      if (socket === undefined || wanted.has(ip)) continue;
      this.#sockets[index] = undefined;
      await socket.close();
    }
    for (const ip of wanted) {
      const index = this.#indexByIp.get(ip);
      const isBound = index !== undefined && this.#sockets[index] !== undefined;
      // Somebody else may have the port there, or the address may go again: it stays unanswered until the next scan.
      if (!isBound && !this.#isClosed && this.#sockets.length < MAX_SOCKETS) {
        await this.#bind(ip).catch(() => undefined);
      }
    }
    if (!this.#isClosed) this.#scanLater();
  }

  async #closeAll(): Promise<void> {
    const sockets = this.sockets;
    this.#sockets.length = 0;
    this.#indexByIp.clear();
    await Promise.all(sockets.map((socket) => socket.close()));
  }
}

/** How soon a server answers on an address that the machine has just got. One scan costs about 0.1 ms. */
const SCAN_INTERVAL_MS = 5_000;
/** Machines with more addresses are told apart by listing those that matter. */
const MAX_SOCKETS = 256;
const MAX_PORT_TRIES = 16;
