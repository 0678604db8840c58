/**
 * Someone in the middle: passes the datagrams of clients to a server and back, over real sockets on loopback, and does with
 * each what a test says. Every client has a socket of its own towards the server, as behind a NAT.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Passing {
  readonly from: 'client' | 'server';
  /** From 0, of this client and in this direction. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** What goes on instead: nothing, it, something else, or several. */
export type Fate = (passing: Passing) => readonly Uint8Array[];

export const unchanged: Fate = ({ bytes }) => [bytes];

export class DatagramRelay {
  readonly port: number;
  readonly #socket: Socket;
  readonly #upstreams = new Map<number, Socket>();
  readonly #serverPort: number;
  readonly #newFate: () => Fate;
  #closed: Promise<void> | undefined;

  readonly #delayMs: number;

  /** `newFate` is asked once for each client; `delayMs`: how long each datagram takes, in either direction. */
  static async open(serverPort: number, newFate: () => Fate, delayMs = 0): Promise<DatagramRelay> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DatagramRelay(socket, serverPort, newFate, delayMs);
  }

  private constructor(socket: Socket, serverPort: number, newFate: () => Fate, delayMs: number) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    this.#newFate = newFate;
    this.#delayMs = delayMs;
    this.port = socket.address().port;
    socket.on('message', (bytes, { port }) => {
      this.#upstreamOf(port).emit('passing', bytes);
    });
  }

  /** To the server as if each client had sent it, or to each client as if the server had. */
  inject(to: Passing['from'], bytes: Uint8Array): void {
    for (const [clientPort, upstream] of this.#upstreams) {
      if (to === 'server') this.#send(upstream, bytes, this.#serverPort);
      else this.#send(this.#socket, bytes, clientPort);
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #close(): Promise<void> {
    for (const upstream of this.#upstreams.values()) upstream.close();
    return new Promise((resolve) => {
      this.#socket.close(() => {
        resolve();
      });
    });
  }

  #upstreamOf(clientPort: number): Socket {
    const known = this.#upstreams.get(clientPort);
    if (known !== undefined) return known;
    const upstream = createSocket('udp4');
    this.#upstreams.set(clientPort, upstream);
    const fate = this.#newFate();
    const counts = { client: 0, server: 0 };
    const decide = (from: Passing['from'], bytes: Uint8Array): readonly Uint8Array[] =>
      fate({ from, index: counts[from]++, bytes: new Uint8Array(bytes) });
    upstream.on('passing', (bytes: Uint8Array) => {
      for (const each of decide('client', bytes)) this.#send(upstream, each, this.#serverPort);
    });
    upstream.on('message', (bytes) => {
      for (const each of decide('server', bytes)) this.#send(this.#socket, each, clientPort);
    });
    // A server that is gone is the client's to find out.
    upstream.on('error', () => undefined);
    return upstream;
  }

  #send(socket: Socket, bytes: Uint8Array, port: number): void {
    const send = (): void => {
      if (this.#closed === undefined) socket.send(bytes, port, '127.0.0.1');
    };
    if (this.#delayMs === 0) send();
    else setTimeout(send, this.#delayMs);
  }
}
