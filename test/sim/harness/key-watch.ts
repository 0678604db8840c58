/** Looks on while a connection uses its keys: new ones are not put off when they are due and may be had [KEY-5]. */
import { type Players } from '../../../src/transport/connection/players.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';
import { check } from './violation.js';

export class KeyWatch {
  readonly #name: string;
  readonly #count: (name: string) => void;
  #generation = 0;
  #firstSent = 0;
  #since: number | undefined;

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
}
