/**
 * What a connection concludes of its path: it follows its peer only where the newest packet came from, it takes nobody
 * to be there who has not shown it, and it gives a datagram size up when several in a row of it are lost and none arrives.
 */
import { type Players } from '../../../src/transport/connection/players.js';
import { type Path } from '../../../src/transport/path/path.js';
import { PacketSpace, type SentPacket } from '../../../src/transport/recovery/sent-packet.js';
import { check } from './violation.js';

/** Whether the client has shown that it receives what is sent there. */
export type IsProven = (path: Path) => boolean;

export class PathWatch {
  readonly #name: string;
  readonly #isProven: IsProven;
  /** Those that were in use. */
  readonly #paths = new Set<Path>();
  #remote = '';
  #nextPacketNumber = 0;
  /** Packets with lower numbers took another path, or had another size. */
  #firstPacketNumber = 0;
  #datagramBytes = 0;
  #largestReceived = -1;
  /** What came in this step. */
  #received: 'nothing' | 'old' | 'newest' = 'nothing';
  #largestDelivered = -1;
  /** Large ones, later than any that arrived. */
  readonly #lost = new Set<number>();

  constructor(name: string, isProven: IsProven) {
    this.#name = name;
    this.#isProven = isProven;
  }

  onSent(space: PacketSpace, packetNumber: number): void {
    if (space === PacketSpace.PROTECTED) this.#nextPacketNumber = packetNumber + 1;
  }

  onReceived(space: PacketSpace, packetNumber: number): void {
    if (this.#received === 'nothing') this.#received = 'old';
    if (space !== PacketSpace.PROTECTED || packetNumber <= this.#largestReceived) return;
    this.#largestReceived = packetNumber;
    this.#received = 'newest';
  }

  onAcknowledged(packetNumber: number, bytes: number): void {
    if (bytes <= BASE_BYTES || packetNumber < this.#firstPacketNumber) return;
    this.#largestDelivered = Math.max(this.#largestDelivered, packetNumber);
    for (const lost of this.#lost) if (lost < packetNumber) this.#lost.delete(lost);
  }

  onLost({ space, packetNumber, bytes, isMtuProbe }: SentPacket): void {
    if (space !== PacketSpace.PROTECTED || isMtuProbe === true || bytes <= BASE_BYTES) return;
    if (bytes > this.#datagramBytes || packetNumber < this.#firstPacketNumber) return;
    if (packetNumber > this.#largestDelivered) this.#lost.add(packetNumber);
  }

  check({ path, paths, pathMtu, role }: Players): void {
    const { datagramBytes } = pathMtu;
    const remote = `${path.remote.ip}:${path.remote.port}`;
    if (remote !== this.#remote || datagramBytes !== this.#datagramBytes) {
      const isFollowing = role === 'server' && this.#remote !== '' && remote !== this.#remote;
      check(
        !isFollowing || this.#received !== 'old',
        () => `${this.#name}: moves from ${this.#remote} to ${remote} for a packet that is not the newest`,
      );
      this.#remote = remote;
      this.#datagramBytes = datagramBytes;
      this.#firstPacketNumber = this.#nextPacketNumber;
      this.#lost.clear();
    }
    this.#received = 'nothing';
    if (role === 'server') this.#checkProven(path, paths);
    check(
      this.#lost.size < MOST_LOST,
      () =>
        `${this.#name}: ${this.#lost.size} datagrams above ${BASE_BYTES} bytes lost in a row, and their size is kept`,
    );
  }
  /** [MIG-7] Of one that is left, too: nobody is taken to be where nothing that went there was answered. */
  #checkProven(active: Path, paths: Players['paths']): void {
    this.#paths.add(active);
    for (const path of this.#paths) {
      if (paths.find(path.remote, path.local) !== path) {
        this.#paths.delete(path);
        continue;
      }
      check(
        !path.isValidated || this.#isProven(path),
        () =>
          `${this.#name}: ${path.remote.ip}:${path.remote.port} counts as proven, and has answered nothing`,
      );
    }
  }
}

const BASE_BYTES = 1_200;
/** Three are enough to give a size up; some are found lost together, and a lost one may turn out to have arrived. */
const MOST_LOST = 8;
