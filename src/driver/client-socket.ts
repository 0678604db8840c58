/**
 * One connection of a client: its socket, connected to one address, and the endpoint behind it. Lives until the
 * connection is forgotten, a little longer than it is open, so that the last word arrives.
 * A refusal (ICMP) ends it only before the server's first answer: later it is a hint that anybody could have sent.
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
import { type Observation } from './observation.js';
import { type TransportMeans } from './plaintext-means.js';
import { classifySocketError, describeSocketError, type SocketError } from './socket-error.js';
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
  readonly #remote: Address;
  readonly #socket: UdpSocket;
  readonly #pump: EndpointPump;
  #closed: Promise<void> | undefined;

  /** Rejects with an Error whose message says what came of it; it does not name the address. */
  static async open(remote: Address, options: ClientSocketOptions): Promise<ClientSocket> {
    // Until the endpoint stands there is nobody to tell; the socket has sent nothing yet that could be answered.
    let opened: ClientSocket | undefined;
    try {
      const socket = await UdpSocket.connect(remote, {
        onDatagram(datagram, from) {
          if (opened !== undefined) opened.#pump.handleDatagram(datagram, from, 0);
        },
        onSocketError(error, failed) {
          if (opened !== undefined) opened.#onSocketError(error, failed);
        },
        onReleased(transmit) {
          if (opened !== undefined) opened.#pump.release(transmit);
        },
      });
      opened = new ClientSocket(remote, socket, options);
      return opened;
    } catch (error) {
      throw new Error(describeSocketError(classifySocketError(error)), { cause: error });
    }
  }

  private constructor(remote: Address, socket: UdpSocket, options: ClientSocketOptions) {
    this.#remote = remote;
    this.#socket = socket;
    this.#options = options;
    const { observation } = options;
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
        socket.send(transmit);
      },
      onForgotten: () => void this.close(),
    });
    this.transport = this.#pump.connect(remote, 0);
  }

  /** Ends it now. What its connection still has to say, it says. Idempotent. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#pump.flush();
      this.#pump.stop();
      this.#closed = this.#socket.close();
      this.#options.onGone(this);
    }
    return this.#closed;
  }

  #onSocketError(error: SocketError, failed: Transmit | undefined): void {
    // [MTU-7]
    if (error.kind === 'tooLarge') this.#pump.handleTooLarge(failed?.segmentSize, this.#remote.ip, 0);
    const isRefusal = error.kind === 'refused' || error.kind === 'unreachable' || error.kind === 'forbidden';
    if (!isRefusal || this.transport.stats().datagramsReceived > 0) return;
    this.transport.abandon('refused', describeSocketError(error));
  }
}
