/**
 * The connection IDs that one side gives out: each is told until it is known or not wanted any more, and there are never
 * fewer than before.
 */
import { type Players } from '../../../src/transport/connection/players.js';
import { type Frame } from '../../../src/transport/wire/frame.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import { check } from './violation.js';

export class IdWatch {
  readonly #name: string;
  /** What each packet tells, by packet number. */
  readonly #told = new Map<number, number[]>();
  /** Told, and in no packet that was acknowledged. */
  readonly #unknown = new Set<number>();
  readonly #settled = new Set<number>();
  #mostIds = 0;

  constructor(name: string) {
    this.#name = name;
  }

  onSent(packetNumber: number, frame: Frame): void {
    if (frame.type !== FrameType.NEW_CONNECTION_ID) return;
    const { sequence } = frame;
    this.#told.set(packetNumber, [...(this.#told.get(packetNumber) ?? []), sequence]);
    if (!this.#settled.has(sequence)) this.#unknown.add(sequence);
  }

  onAcknowledged(packetNumber: number): void {
    for (const sequence of this.#told.get(packetNumber) ?? []) this.#settle(sequence);
    this.#told.delete(packetNumber);
  }

  onReceived(frame: Frame): void {
    if (frame.type === FrameType.RETIRE_CONNECTION_ID) this.#settle(frame.sequence);
  }

  /** `isQuiet`: nothing is under way, and nothing waits to be sent. */
  check({ localIds }: Players, isQuiet: boolean): void {
    const { length } = localIds.ids;
    check(
      length >= this.#mostIds,
      () => `${this.#name}: ${length} connection IDs, and there were ${this.#mostIds}`,
    );
    this.#mostIds = length;
    check(
      !isQuiet || this.#unknown.size === 0,
      () =>
        `${this.#name}: the peer does not know of connection IDs ${[...this.#unknown].join(' ')}, and is not told`,
    );
  }

  #settle(sequence: number): void {
    this.#settled.add(sequence);
    this.#unknown.delete(sequence);
  }
}
