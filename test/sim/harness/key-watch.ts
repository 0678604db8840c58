/**
 * Looks on while a connection uses its keys: new ones are not put off when they are due and may be had [KEY-5], and those
 * before the peer's update are kept for what it has overtaken [KEY-7].
 */
import { type Players } from '../../../src/transport/connection/players.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';
import { check } from './violation.js';

export class KeyWatch {
  readonly #name: string;
  readonly #count: (name: string) => void;
  #generation = 0;
  #firstSent = 0;
  #since: number | undefined;
  #openGeneration = 0;
  /** Those that opened what came before. */
  #keptUntil = -Infinity;
  #ptoMs = Infinity;

  constructor(name: string, count: (name: string) => void) {
    this.#name = name;
    this.#count = count;
  }

  /** Just before a PROTECTED packet is sealed. */
  onSent(
    packetNumber: number,
    { keyPhases, options, recovery, isConfirmed, protected: main }: Players,
    now: number,
  ): void {
    this.#since ??= now;
    const { sealGeneration, openGeneration } = keyPhases;
    if (sealGeneration !== this.#generation) {
      this.#count(sealGeneration === openGeneration ? 'keys/answered' : 'keys/begun');
      check(
        sealGeneration === this.#generation + 1 || openGeneration === sealGeneration,
        () => `${this.#name}: keys of generation ${sealGeneration} after ${this.#generation}`,
      );
      this.#generation = sealGeneration;
      this.#firstSent = packetNumber;
      this.#since = now;
      return;
    }
    const isDue =
      packetNumber - this.#firstSent >= options.keyUpdatePackets || now - this.#since >= options.keyUpdateMs;
    const mayUpdate =
      isConfirmed &&
      main.sealer?.next !== undefined &&
      keyPhases.nextTimeout() === Infinity &&
      recovery.largestAcked(PacketSpace.PROTECTED) >= this.#firstSent;
    check(
      !isDue || !mayUpdate,
      () =>
        `${this.#name}: ${packetNumber - this.#firstSent} packets with keys of generation ${sealGeneration}, and no new ones`,
    );
  }

  /** After each step. */
  check({ keyPhases, options, recovery }: Players, now: number): void {
    const { openGeneration } = keyPhases;
    const ptoMs = recovery.rtt.ptoPeriod(options.maxAckDelayMs);
    if (openGeneration !== this.#openGeneration) {
      this.#openGeneration = openGeneration;
      // The step that brought new keys may have changed it, before or after.
      this.#keptUntil = now + PREVIOUS_KEPT_PTOS * Math.min(this.#ptoMs, ptoMs);
    }
    this.#ptoMs = ptoMs;
    check(
      now >= this.#keptUntil || keyPhases.opener(openGeneration - 1) !== undefined,
      () =>
        `${this.#name}: keys of generation ${openGeneration - 1} are forgotten ${this.#keptUntil - now} ms too early`,
    );
  }
}

/** RFC 9001 §6.5. */
const PREVIOUS_KEPT_PTOS = 3;
