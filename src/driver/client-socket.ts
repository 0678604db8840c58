/**
 * One connection of a client: its socket, connected to one address, and the endpoint behind it. Lives until the
 * connection is forgotten, a little longer than it is open, so that the last word arrives.
 * A refusal (ICMP) ends it only before the server's first answer: later it is a hint that anybody could have sent.
 * When its address is gone, or nothing comes back any more, the connection goes on from another socket [MIG-10].
 * Reasons given here do not name the address: who tries several does.
 */
import { type Clock } from '../base/clock.js';
import { type TransportOptions } from '../transport/connection/transport-options.js';
import { type ConnectionTransport } from '../transport/endpoint/connection-transport.js';
import { DEFAULT_ENDPOINT_LIMITS } from '../transport/endpoint/endpoint.js';
import { EndpointPump } from '../transport/endpoint/endpoint-pump.js';
import { type BufferBudget } from '../transport/stream/buffer-budget.js';
import { type Transmit } from '../transport/connection/transmit.js';
import { type Address } from '../transport/path/path.js';
import { BusyPoll } from './busy-poll.js';
import { freeMemory } from './free-memory.js';
import { type Observation } from './observation.js';
import { type TransportMeans } from './plaintext-means.js';
import { classifySocketError, describeSocketError, type SocketError } from './socket-error.js';
import { SocketRenewal } from './socket-renewal.js';
import { UdpSocket } from './udp-socket.js';

export interface ClientSocketOptions {
  readonly clock: Clock;
  readonly means: TransportMeans;
  readonly version: number;
  readonly transport: TransportOptions;
  readonly observation: Observation | undefined;
  readonly buffers: BufferBudget;
  /** Closed for good: nothing of it is left. */
  onGone(socket: ClientSocket): void;
}

export class ClientSocket {
  readonly transport: ConnectionTransport;
  readonly #options: ClientSocketOptions;
  #socket: UdpSocket;
  /** The one before, until something has come to the new one. */
  #previous: UdpSocket | undefined;
  readonly #renewal: SocketRenewal<UdpSocket>;
  readonly #busyPoll: BusyPoll;
  readonly #pump: EndpointPump;
  #closed: Promise<void> | undefined;

  /** Rejects with an Error whose message says what came of it; it does not name the address. */
  static async open(remote: Address, options: ClientSocketOptions): Promise<ClientSocket> {
    // Until the endpoint stands there is nobody to tell; the socket has sent nothing yet that could be answered.
    let opened: ClientSocket | undefined;
    try {
      const socket = await ClientSocket.#connect(remote, () => opened);
      opened = new ClientSocket(remote, socket, options);
      return opened;
    } catch (error) {
      throw new Error(describeSocketError(classifySocketError(error)), { cause: error });
    }
  }

  static async #connect(remote: Address, owner: () => ClientSocket | undefined): Promise<UdpSocket> {
    const socket: UdpSocket = await UdpSocket.connect(remote, {
      onDatagram(datagram, from) {
        const self = owner();
        if (self !== undefined) self.#onDatagram(datagram, from, socket);
      },
      onSocketError(error, failed) {
        const self = owner();
        if (self !== undefined) self.#onSocketError(error, failed);
      },
      onReleased(transmit) {
        const self = owner();
        if (self !== undefined) self.#pump.release(transmit);
      },
    });
    return socket;
  }

  private constructor(remote: Address, socket: UdpSocket, options: ClientSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    const { observation } = options;
    this.#busyPoll = new BusyPoll(options.clock, options.transport.busyPollUs);
    // An open call keeps the process alive by its deadline; a connection that only waits does not.
    socket.unref();
    this.#pump = new EndpointPump({
      config: {
        role: 'client',
        versions: [options.version],
        options: options.transport,
        limits: DEFAULT_ENDPOINT_LIMITS,
        receiveBufferBytes: socket.receiveBufferBytes,
        buffers: options.buffers,
      },
      means: {
        ...options.means,
        observe: observation && ((facts, now) => observation.observe(facts, socket.local, now)),
      },
      clock: options.clock,
      send: (transmit) => {
        this.#socket.send(transmit);
        this.#busyPoll.onSent();
        // Two in a row are hardly chance, and one more address costs a round trip.
        if (this.transport.connection.ptosInRow >= SILENT_PTOS) this.#renew();
      },
      onForgotten: () => void this.close(),
    });
    this.#renewal = new SocketRenewal({
      clock: options.clock,
      open: () => ClientSocket.#connect(remote, () => this),
      onOpened: (opened) => {
        this.#onRenewed(opened);
      },
      discard: (opened) => void opened.close(),
    });
    this.transport = this.#pump.connect(remote, 0);
    this.transport.onRebind = () => {
      this.#renew();
    };
  }

  /** Ends it now. What its connection still has to say, it says. Idempotent. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#pump.flush();
      this.#pump.stop();
      this.#renewal.close();
      this.#closed = Promise.all([this.#socket.close(), this.#previous?.close()]).then(() => undefined);
      this.#options.onGone(this);
    }
    return this.#closed;
  }

  /** Before it is ready a connection is made anew instead: the server follows nobody yet [MIG-5]. */
  #renew(): void {
    if (this.transport.isReady) this.#renewal.request();
  }

  #onRenewed(socket: UdpSocket): void {
    void this.#previous?.close();
    this.#previous = this.#socket;
    this.#socket = socket;
    socket.unref();
    this.#pump.handleRebinding(socket.local.ip === this.#previous.local.ip);
  }

  #onDatagram(datagram: Uint8Array, from: Address, socket: UdpSocket): void {
    this.#busyPoll.onDatagram();
    if (socket === this.#socket) {
      this.#renewal.onHeard();
      void this.#previous?.close();
      this.#previous = undefined;
    }
    if (this.#pump.handleDatagram(datagram, from, 0)) freeMemory(datagram);
  }

  #onSocketError(error: SocketError, failed: Transmit | undefined): void {
    // [MTU-7]
    if (error.kind === 'tooLarge') this.#pump.handleTooLarge(failed);
    if (GONE_CODES.has(error.code)) this.#renew();
    const isRefusal = error.kind === 'refused' || error.kind === 'unreachable' || error.kind === 'forbidden';
    if (!isRefusal || this.transport.stats().datagramsReceived > 0) return;
    this.transport.abandon('refused', describeSocketError(error));
  }
}

/** After these a connected socket never works again, whatever its interface gets. */
const GONE_CODES: ReadonlySet<string> = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EINVAL', 'ENETDOWN']);
const SILENT_PTOS = 2;
