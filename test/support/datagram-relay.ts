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

  /** `newFate` is asked once for each client. */
  static async open(serverPort: number, newFate: () => Fate): Promise<DatagramRelay> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DatagramRelay(socket, serverPort, newFate);
  }

  private constructor(socket: Socket, serverPort: number, newFate: () => Fate) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    this.#newFate = newFate;
    this.port = socket.address().port;
    socket.on('message', (bytes, { port }) => {
      this.#upstreamOf(port).emit('passing', bytes);
    });
  }

  close(): Promise<void> {
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
      for (const each of decide('client', bytes)) upstream.send(each, this.#serverPort, '127.0.0.1');
    });
    upstream.on('message', (bytes) => {
      for (const each of decide('server', bytes)) this.#socket.send(each, clientPort, '127.0.0.1');
    });
    // A server that is gone is the client's to find out.
    upstream.on('error', () => undefined);
    return upstream;
  }
}
