/**
 * One way to reach the peer: its address, and how much may be sent there before the peer has shown that it receives
 * what we send (RFC 9000 §8.1). Counts every byte in both directions, padding and probes too.
 */
import { type RemoteId } from './remote-ids.js';

export interface Address {
  /** IPv4 or IPv6 in its canonical text form. */
  readonly ip: string;
  readonly port: number;
}

export class Path {
  /** Where packets on it are addressed to. */
  destination: RemoteId;
  readonly remote: Address;
  /** Which of the endpoint's sockets the peer's datagrams arrive at, so that answers leave from there. */
  readonly local: number;
  #isValidated: boolean;
  #receivedBytes = 0;
  #sentBytes = 0;

  constructor(remote: Address, local: number, isValidated: boolean, destination: RemoteId) {
    this.destination = destination;
    this.remote = remote;
    this.local = local;
    this.#isValidated = isValidated;
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
  }
}

/** RFC 9000 §8.1. */
const AMPLIFICATION_FACTOR = 3;
