/** A bare UDP socket on a free port of this machine, which says what it is told to and keeps what it hears. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export class RawSocket {
  readonly heard: Uint8Array[] = [];
  /** Default: keeps it. */
  onHeard: (bytes: Uint8Array) => void = (bytes) => {
    this.heard.push(bytes);
  };
  readonly port: number;
  readonly #socket: Socket;

  static async open(ip = '127.0.0.1'): Promise<RawSocket> {
    const socket = createSocket('udp4');
    socket.bind(0, ip);
    await once(socket, 'listening');
    return new RawSocket(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (bytes) => {
      this.onHeard(new Uint8Array(bytes));
    });
  }

  get heardBytes(): number {
    return this.heard.reduce((sum, { length }) => sum + length, 0);
  }

  /** Resolves when the system has taken it. */
  send(bytes: Uint8Array, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, port, '127.0.0.1', (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.close(() => {
        resolve();
      });
    });
  }
}
