/**
 * One way to reach the peer: its address, and how much may be sent there before the peer has shown that it receives
 * what we send (RFC 9000 §8.1). Counts every byte in both directions, padding and probes too. It carries its own
 * PATH_CHALLENGE and PATH_RESPONSE; which of several paths is used is for `Paths`.
 */
import { type PacketBuilder } from '../connection/packet-builder.js';
import { writePathChallenge, writePathResponse } from '../wire/frame-writer.js';
import { PathValidation } from './path-validation.js';
import { type RemoteId } from './remote-ids.js';

export interface Address {
  /** IPv4 or IPv6 in its canonical text form. */
  readonly ip: string;
  readonly port: number;
}

export class Path {
  readonly remote: Address;
  /** Which of the endpoint's sockets the peer's datagrams arrive at, so that answers leave from there. */
  readonly local: number;
  /** Where packets on it are addressed to. */
  destination: RemoteId;
  /** When it may be forgotten; Infinity while it is used. */
  keepUntil = Infinity;
  #isValidated: boolean;
  #validation: PathValidation | undefined;
  #response: Uint8Array | undefined;
  #responseDatagramBytes = 0;
  #receivedBytes = 0;
  #sentBytes = 0;

  constructor(remote: Address, local: number, isValidated: boolean, destination: RemoteId) {
    this.remote = remote;
    this.local = local;
    this.#isValidated = isValidated;
    this.destination = destination;
  }

  get isValidated(): boolean {
    return this.#isValidated;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Bytes that may be sent now [AMP-1]. */
  get allowance(): number {
    return this.#isValidated
      ? Number.MAX_SAFE_INTEGER
      : Math.max(0, AMPLIFICATION_FACTOR * this.#receivedBytes - this.#sentBytes);
  }

  isSame(remote: Address, local: number): boolean {
    return this.remote.port === remote.port && this.remote.ip === remote.ip && this.local === local;
  }

  onReceived(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  onSent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  onValidated(): void {
    this.#isValidated = true;
    this.#validation = undefined;
  }

  /** Being asked at this moment, also when it was found good before. */
  get validation(): PathValidation | undefined {
    return this.#validation;
  }

  /** From now on the other end is asked whether it is there. */
  challenge(ptoMs: number, now: number): void {
    this.#validation = new PathValidation(ptoMs, now);
  }

  endValidation(): void {
    this.#validation = undefined;
  }

  /** The peer asks; only its newest question is answered. `datagramBytes`: how large a datagram it asked with. */
  onChallenge(bytes: Uint8Array, datagramBytes: number): void {
    this.#response = bytes.slice();
    this.#responseDatagramBytes = datagramBytes;
  }

  hasFramesToSend(now: number): boolean {
    return this.#response !== undefined || this.#validation?.isDue(now) === true;
  }

  /** Returns how large the datagram should be made, as far as it may be [MIG-8]. */
  writeFrames(packet: PacketBuilder, drawChallenge: () => Uint8Array, now: number): number {
    let datagramBytes = 0;
    if (this.#response !== undefined && writePathResponse(packet.writer, this.#response)) {
      this.#response = undefined;
      datagramBytes = this.#responseDatagramBytes;
      addToken(packet);
    }
    if (this.#validation?.isDue(now) !== true) return datagramBytes;
    const challenge = drawChallenge();
    if (!writePathChallenge(packet.writer, challenge)) return datagramBytes;
    this.#validation.onChallengeSent(challenge, now);
    addToken(packet);
    return Infinity;
  }
}

/** Nothing is done about its loss: who asks asks again, with other bytes. */
function addToken(packet: PacketBuilder): void {
  packet.frames.push({ kind: 'path' });
  packet.isAckEliciting = true;
}

/** RFC 9000 §8.1. */
const AMPLIFICATION_FACTOR = 3;
