/**
 * A client host that shakes hands like everybody and attacks from then on: valid frames in wrong states, in packets
 * that the server takes for genuine. First such as are legal and only too many, in the end one that is a violation;
 * then it comes again. What it may do to itself is its own affair: it stands outside of what is checked of the honest.
 */
import { type Clock, type Timer } from '../../../src/base/clock.js';
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { simTokenProtection } from '../../../src/sim/sim-endpoint.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { type SimNetwork, type SimSocket } from '../../../src/sim/sim-network.js';
import { TokenMemory } from '../../../src/transport/endpoint/token-memory.js';
import { type Address } from '../../../src/transport/path/path.js';
import { type Checksum, createPlaintextHandshake } from '../../../src/transport/protection/plaintext.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import { HostilePeer } from '../../support/hostile-peer.js';
import { legalFrame, violatingFrame } from './hostile-frames.js';
import { type SimProtection } from './sim-protection.js';

export interface HostileClientOptions {
  readonly network: SimNetwork;
  readonly host: SimHost;
  readonly random: SeededRandom;
  readonly checksum: Checksum;
  readonly protection: SimProtection;
  readonly victim: Address;
  /** Datagrams of one connection before the violation, and how far apart at most. */
  readonly datagrams: number;
  readonly pauseMs: number;
  readonly count: (name: string) => void;
}

export class HostileClient {
  readonly #options: HostileClientOptions;
  readonly #clock: Clock;
  #peer: HostilePeer;
  #socket: SimSocket;
  #timer: Timer | undefined;
  /** Of this connection. */
  #left = 0;
  #sent = 0;
  #isAttacking = false;
  #isEnded = false;

  constructor(options: HostileClientOptions) {
    this.#options = options;
    this.#clock = options.host.clock();
    [this.#peer, this.#socket] = this.#connect();
  }

  /** The attack is over, without a word. */
  end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#socket.close();
  }

  #connect(): [HostilePeer, SimSocket] {
    const { network, host, random, checksum, protection, victim, datagrams } = this.#options;
    this.#isAttacking = false;
    this.#left = datagrams;
    const peer = new HostilePeer({
      role: 'client',
      means: {
        random,
        resetToken: () => new Uint8Array(RESET_TOKEN_BYTES),
        tokenProtection: simTokenProtection(checksum, new Uint8Array(0)),
        tokenMemory: new TokenMemory(),
        wallTime: () => this.#clock.now(),
        createHandshake: protection.wrapHandshake(createPlaintextHandshake(checksum)),
        helloProtection: protection.helloProtection,
        onHandshakeWake: () => undefined,
        onBufferRoom: () => undefined,
      },
    });
    const socket = network.bind(host, 0, {
      onDatagram: (bytes, from) => {
        if (!this.#isEnded && peer === this.#peer) this.#receive(bytes, from);
      },
      onRefused: () => undefined,
    });
    peer.connect(victim, this.#clock.now());
    // The first flight leaves once this is known as the peer.
    this.#wake(0);
    return [peer, socket];
  }

  #wake(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(() => {
      this.#onTimer();
    }, delayMs);
  }

  #receive(bytes: Uint8Array, from: Address): void {
    this.#peer.handleDatagram(bytes, from, this.#clock.now());
    if (!this.#isAttacking) this.#shakeHands();
  }

  #shakeHands(): void {
    const now = this.#clock.now();
    const { victim } = this.#options;
    for (let bytes = this.#peer.pollTransmit(now); bytes; bytes = this.#peer.pollTransmit(now)) {
      this.#socket.send(bytes, victim);
    }
    if (this.#peer.isReady) {
      this.#peer.takeOver();
      this.#isAttacking = true;
      this.#options.count('hostile/connection');
      this.#wake(0);
      return;
    }
    this.#wake(Math.min(Math.max(0, this.#peer.pollTimeout() - now), HANDSHAKE_MS));
  }

  #onTimer(): void {
    if (!this.#isAttacking) {
      this.#peer.handleTimeout(this.#clock.now());
      this.#shakeHands();
      return;
    }
    const { random, victim, pauseMs } = this.#options;
    const isClosed = this.#peer.receivedFrames(FrameType.CLOSE_TRANSPORT).length > 0;
    this.#peer.received.length = 0;
    if (isClosed || this.#left < 0) {
      this.#options.count(isClosed ? 'hostile/told' : 'hostile/notTold');
      this.#socket.close();
      if (this.#sent >= MOST_DATAGRAMS) {
        this.end();
        return;
      }
      [this.#peer, this.#socket] = this.#connect();
      return;
    }
    this.#sent++;
    const frame = this.#left-- > 0 ? legalFrame : violatingFrame;
    const frames: Uint8Array[] = [];
    for (let bytes = 0; bytes < LEAST_BYTES;) {
      const next = frame(random);
      frames.push(next);
      bytes += next.length;
      if (frame === violatingFrame) break;
    }
    this.#socket.send(this.#peer.datagram(...frames), victim);
    this.#wake(this.#left < 0 ? ANSWER_MS : random.within(0, pauseMs));
  }
}

/** After so many it does not come again: what a seed may cost is for the honest. */
const MOST_DATAGRAMS = 500;
const RESET_TOKEN_BYTES = 16;
const LEAST_BYTES = 600;
/** It looks again then, whatever its endpoint waits for. */
const HANDSHAKE_MS = 1_000;
/** For what the server says to the violation. */
const ANSWER_MS = 100;
