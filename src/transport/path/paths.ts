/**
 * The ways to one peer (RFC 9000 §8.2, §9): the one in use, the one before until the new one is found good, and those
 * from which the peer has asked. Only clients move, so that of a client there is one, whose own end may change; a server
 * follows the client's newest packets, at once but within the 3x limit, and goes back when nobody answers there.
 * Which packet makes it move, and what a move means for recovery, is for `connection/migration.ts`.
 */
import { type Random } from '../../base/random.js';
import { PATH_BYTES } from '../wire/frame.js';
import { type Address, Path } from './path.js';
import { type RemoteId, type RemoteIds } from './remote-ids.js';

export interface PathsOptions {
  readonly first: Path;
  readonly remoteIds: RemoteIds;
  readonly random: Random;
  /** At once, at least 2. */
  readonly maxPaths: number;
}

export class Paths {
  readonly first: Path;
  readonly #options: PathsOptions;
  #active: Path;
  /** The last one that was found good, while the active one is not. */
  #fallback: Path | undefined;
  #all: Path[];
  /** PATH_CHALLENGE and PATH_RESPONSE whose fate is open. */
  #framesInFlight = 0;

  constructor(options: PathsOptions) {
    this.#options = options;
    this.first = options.first;
    this.#active = options.first;
    this.#all = [options.first];
  }

  get active(): Path {
    return this.#active;
  }

  get count(): number {
    return this.#all.length;
  }

  find(remote: Address, local: number): Path | undefined {
    if (this.#active.isSame(remote, local)) return this.#active;
    return this.#all.length === 1 ? undefined : this.#all.find((path) => path.isSame(remote, local));
  }

  /** The path that an authentic datagram came on; a new one has had nothing but this datagram. */
  findOrAdd(remote: Address, local: number, datagramBytes: number, keepUntil: number): Path {
    const known = this.find(remote, local);
    if (known !== undefined) return known;
    if (this.#all.length >= this.#options.maxPaths) this.#dropOldest();
    const path = new Path(remote, local, false, this.#destinationFor(remote));
    path.onReceived(datagramBytes);
    path.keepUntil = keepUntil;
    this.#all.push(path);
    return path;
  }

  /** [MIG-6] The client's newest packet came on `path`. */
  moveTo(path: Path, ptoMs: number, now: number): void {
    const left = this.#active;
    if (left === path) return;
    this.#active = path;
    path.keepUntil = Infinity;
    left.keepUntil = now + KEPT_PTOS * ptoMs;
    if (path.isValidated) {
      this.#onGood(ptoMs, now);
      return;
    }
    path.challenge(ptoMs, now);
    if (left.isValidated) {
      this.#fallback = left;
      left.keepUntil = Infinity;
      // If the packet was sent on by somebody else the client is still there, and says so [MIG-9].
      left.challenge(ptoMs, now);
    }
  }

  /** [MIG-7] Returns the path that is found good by it, if it was not before. */
  onResponse(response: Uint8Array, ptoMs: number, now: number): Path | undefined {
    const path = this.#all.find(({ validation }) => validation?.isAnsweredBy(response) === true);
    if (path === undefined) return undefined;
    const wasValidated = path.isValidated;
    path.onValidated();
    if (path === this.#active) this.#onGood(ptoMs, now);
    return wasValidated ? undefined : path;
  }

  /**
   * One that has something to ask or to answer, and may. `hasRoom`: the congestion window has. Without room a few still
   * leave, lest a window full of packets for an old address keep the new one from being tried.
   */
  nextToProbe(hasRoom: boolean, now: number): Path | undefined {
    if (this.#all.length === 1 && !this.#active.hasFramesToSend(now)) return undefined;
    const mayLeave = hasRoom || this.#framesInFlight < MAX_FRAMES_BEYOND_WINDOW;
    for (const path of this.#all) {
      if (!path.hasFramesToSend(now)) continue;
      if (mayLeave && path.allowance >= MIN_PROBE_BYTES) return path;
      path.validation?.holdBack();
    }
    return undefined;
  }

  onFramesSent(count: number): void {
    this.#framesInFlight += count;
  }

  /** Acknowledged or lost: either way nothing is sent again, for who asks asks with new bytes. */
  onFrameSettled(): void {
    // A probe writes again what may not be lost at all, so that one frame can be settled twice.
    this.#framesInFlight = Math.max(0, this.#framesInFlight - 1);
  }

  readonly drawChallenge = (): Uint8Array => this.#options.random.bytes(PATH_BYTES);

  nextTimeout(): number {
    if (this.#all.length === 1 && this.#active.validation === undefined) return Infinity;
    let earliest = Infinity;
    for (const { keepUntil, validation } of this.#all) {
      earliest = Math.min(earliest, keepUntil, validation?.nextTimeout() ?? Infinity);
    }
    return earliest;
  }

  /** Returns whether the active path is another one now: back where the peer was last known to be. */
  onTimeout(ptoMs: number, now: number): boolean {
    const before = this.#active;
    for (const path of [...this.#all]) {
      if (path.validation !== undefined && now >= path.validation.failsAt) this.#onFailed(path, ptoMs, now);
      else if (now >= path.keepUntil) this.#drop(path);
    }
    return this.#active !== before;
  }

  /** [MIG-3] Some IDs are to be used no longer: each path that did takes another one. */
  replaceRetiredIds(): void {
    for (const path of this.#all) {
      if (path.destination.isRetired)
        path.destination = this.#options.remoteIds.take() ?? this.#options.remoteIds.first;
    }
  }

  /** [MIG-10] Our own address is another one: who sees both shall not tell by the ID that they are the same client's. */
  takeFreshId(): void {
    const { remoteIds } = this.#options;
    const fresh = remoteIds.take();
    if (fresh === undefined) return;
    const used = this.#active.destination;
    this.#active.destination = fresh;
    remoteIds.release(used);
  }

  #onGood(ptoMs: number, now: number): void {
    if (this.#fallback !== undefined && this.#fallback !== this.#active) {
      this.#fallback.keepUntil = now + KEPT_PTOS * ptoMs;
    }
    this.#fallback = undefined;
  }

  #onFailed(path: Path, ptoMs: number, now: number): void {
    if (path === this.#fallback) {
      // Silence there is no reason to give it up before the new one has answered.
      path.endValidation();
      return;
    }
    if (path !== this.#active) {
      this.#drop(path);
      return;
    }
    const fallback = this.#fallback;
    if (fallback === undefined) {
      // There is no other: as long as the connection lives it is asked again.
      path.challenge(ptoMs, now);
      return;
    }
    this.#active = fallback;
    this.#fallback = undefined;
    fallback.keepUntil = Infinity;
    fallback.endValidation();
    this.#drop(path);
  }

  #drop(path: Path): void {
    if (path === this.#active) return;
    if (path === this.#fallback) this.#fallback = undefined;
    this.#all = this.#all.filter((other) => other !== path);
    const { destination } = path;
    if (!this.#all.some((other) => other.destination === destination))
      this.#options.remoteIds.release(destination);
  }

  #dropOldest(): void {
    const oldest =
      this.#all.find((path) => path !== this.#active && path !== this.#fallback) ?? this.#fallback;
    if (oldest !== undefined) this.#drop(oldest);
  }

  /** [MIG-10] */
  #destinationFor({ ip }: Address): RemoteId {
    const sameHost = this.#all.find(({ remote }) => remote.ip === ip);
    return sameHost?.destination ?? this.#options.remoteIds.take() ?? this.#active.destination;
  }
}

/** How long after the last use of a path late packets of it are known, in PTOs. */
const KEPT_PTOS = 3;
/** Header, a challenge, a response, a PING and what protection appends. */
const MIN_PROBE_BYTES = 48;
const MAX_FRAMES_BEYOND_WINDOW = 16;
