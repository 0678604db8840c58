/**
 * What happens when the client's address changes (PROTOCOL §8.3, RFC 9000 §9): carries path frames to `Paths`, decides which packet moves
 * the connection, and tells recovery what a move means. On another port of the same host congestion state and round-trip
 * time stay, and what was lost at the old one is excused; on another host they are of no use, and begin anew once it is
 * certain that the client is there.
 */
import { type Address, type Path } from '../path/path.js';
import { REFLECTION_PORTS } from '../path/reflection-ports.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { type ArrivedPacket, writeAgain } from './frame-dispatch.js';
import { type Players } from './players.js';

export class Migration {
  readonly #players: Players;
  /** The host that recovery knows. */
  #measuredIp: string;
  /** The host that datagrams have gone to since the search of their size began. */
  #sizedIp: string;

  constructor(players: Players) {
    this.#players = players;
    this.#measuredIp = players.path.remote.ip;
    this.#sizedIp = players.path.remote.ip;
  }

  /** [MIG-5] May what comes from an address that is none of the paths' be of this connection? */
  mayComeFrom(remote: Address, local: number): boolean {
    const { role, isConfirmed, hasAnswered, paths } = this.#players;
    if (role === 'client' || !isConfirmed || !hasAnswered) return false;
    return local === paths.active.local && !REFLECTION_PORTS.has(remote.port);
  }

  onChallenge(bytes: Uint8Array, packet: ArrivedPacket, now: number): void {
    this.#pathOf(packet, now).onChallenge(bytes, packet.datagramBytes);
  }

  onResponse(bytes: Uint8Array, now: number): void {
    const { paths } = this.#players;
    if (paths.onResponse(bytes, this.#ptoMs(), now) === paths.active) this.#onCertain(now);
  }

  /** [MIG-6] The newest packet of all, and not only to look around: the peer is where it came from. */
  onNewest(packet: ArrivedPacket, now: number): void {
    const { paths, recovery } = this.#players;
    const { remote, local } = packet;
    if (paths.active.isSame(remote, local) || !this.mayComeFrom(remote, local)) return;
    if (paths.active.remote.ip === remote.ip) recovery.onPortChanged(now);
    const path = this.#pathOf(packet, now);
    paths.moveTo(path, this.#ptoMs(), now);
    this.#onMoved();
    if (path.isValidated) this.#onCertain(now);
  }

  /** [MIG-10] A client has another socket: it says so at once, by a packet that moves the server. */
  onRebound(isSameHost: boolean, now: number): void {
    const { paths, recovery } = this.#players;
    if (isSameHost) {
      recovery.onPortChanged(now);
    } else {
      paths.takeFreshId();
      recovery.onPathChanged(now);
      this.#beginSizes();
    }
    paths.active.challenge(this.#ptoMs(), now);
    this.#probe();
  }

  onTimeout(now: number): void {
    if (this.#players.paths.onTimeout(this.#ptoMs(), now)) this.#onCertain(now);
    this.#onMoved();
  }

  /** Also where it is not certain yet that the peer is there: what leaves now goes there. */
  #onMoved(): void {
    if (this.#players.path.remote.ip !== this.#sizedIp) this.#beginSizes();
  }

  /** [MTU-10] Nothing is known of what this way carries. */
  #beginSizes(): void {
    const { path, pathMtu, protected: main } = this.#players;
    this.#sizedIp = path.remote.ip;
    pathMtu.onNewPath(path.remote.ip, main.nextPacketNumber);
  }

  /** The peer is known to be on the active path, and was elsewhere before. */
  #onCertain(now: number): void {
    const { path, recovery } = this.#players;
    if (path.remote.ip !== this.#measuredIp) {
      this.#measuredIp = path.remote.ip;
      recovery.onPathChanged(now);
      // [TOK-4] The one that the client has is of the address that it left.
      this.#players.isTokenPending = true;
    }
    this.#probe();
  }

  /** What was on its way to the old address is lost in all likelihood: the answer to a probe tells, without a PTO. */
  #probe(): void {
    const { recovery, protected: main } = this.#players;
    const oldest = recovery.oldestUnacked(PacketSpace.PROTECTED, PROBES);
    if (oldest.length === 0) return;
    writeAgain(oldest, this.#players);
    main.probesPending = Math.max(main.probesPending, oldest.length);
  }

  #pathOf({ remote, local, datagramBytes }: ArrivedPacket, now: number): Path {
    return this.#players.paths.findOrAdd(remote, local, datagramBytes, now + KEPT_PTOS * this.#ptoMs());
  }

  /** Of a path that may be slower than the one we know (RFC 9000 §8.2.4). */
  #ptoMs(): number {
    const { recovery, options } = this.#players;
    return Math.max(recovery.rtt.ptoPeriod(options.maxAckDelayMs), INITIAL_PTO_RTTS * options.initialRttMs);
  }
}

/** RFC 9002 §6.2.4. */
const PROBES = 2;
/** For how long the address of a question is remembered. */
const KEPT_PTOS = 3;
/** RFC 9002 §6.2.2: the first PTO is the initial RTT and four times half of it. */
const INITIAL_PTO_RTTS = 3;
