/** A HostilePeer at a real socket: shakes hands with a real server, and from then on sends what a test makes. Plaintext. */
import { setImmediate } from 'node:timers/promises';
import { plaintextMeans } from '../../src/driver/plaintext-means.js';
import { realEnvironment } from '../../src/driver/real-environment.js';
import { HostilePeer, type VictimPacket } from './hostile-peer.js';
import { RawSocket } from './raw-socket.js';

export class HostileSocket {
  /** What the victim says. */
  onPacket: (packet: VictimPacket) => void = () => undefined;
  sentCount = 0;
  isClosed = false;
  readonly #socket: RawSocket;
  readonly #port: number;
  readonly #peer: HostilePeer;

  static async connect(port: number): Promise<HostileSocket> {
    const hostile = new HostileSocket(await RawSocket.open(), port);
    await hostile.#shakeHands();
    return hostile;
  }

  private constructor(socket: RawSocket, port: number) {
    this.#socket = socket;
    this.#port = port;
    this.#peer = new HostilePeer({
      role: 'client',
      means: {
        ...plaintextMeans(realEnvironment.random),
        onHandshakeWake: () => undefined,
        onBufferRoom: () => undefined,
      },
    });
    socket.onHeard = (bytes) => {
      this.#peer.handleDatagram(bytes, this.#victim, realEnvironment.clock.now());
      for (const packet of this.#peer.received.splice(0)) this.onPacket(packet);
    };
  }

  /** One datagram of these frames; resolves when the system has taken it. */
  async send(...frames: readonly Uint8Array[]): Promise<void> {
    this.sentCount++;
    await this.#socket.send(this.#peer.datagram(...frames), this.#port);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return this.#socket.close();
  }

  get #victim() {
    return { ip: '127.0.0.1', port: this.#port };
  }

  async #shakeHands(): Promise<void> {
    const { clock } = realEnvironment;
    this.#peer.connect(this.#victim, clock.now());
    while (!this.#peer.isReady) {
      if (this.#peer.pollTimeout() <= clock.now()) this.#peer.handleTimeout(clock.now());
      for (
        let bytes = this.#peer.pollTransmit(clock.now());
        bytes;
        bytes = this.#peer.pollTransmit(clock.now())
      ) {
        await this.#socket.send(bytes, this.#port);
      }
      await setImmediate();
    }
    this.#peer.takeOver();
  }
}
