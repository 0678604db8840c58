/**
 * Which datagram size the path carries (RFC 8899): begins with what every path does, tries the largest size that both
 * sides take, then halves what is in doubt; falls back at once when large datagrams vanish (a black hole), and tries
 * again after a while. It decides sizes and when to try; the writer sends, recovery finds out what arrived.
 *
 * Phases as RFC 8899 §5.2: `base` until the handshake is confirmed, `searching`, `complete`. Deviation: there is no
 * ERROR phase, because below 1,200 bytes no connection comes about [HDR-6]; and no confirmation probes of their own,
 * because probes are sent only where data fills datagrams, and that data is the confirmation.
 */
import {
  bytesInFlightFor,
  ETHERNET_DATAGRAM_BYTES,
  isLoopback,
  largestDatagramFor,
  largestDatagramTo,
  MIN_DATAGRAM_BYTES,
} from './datagram-limits.js';

/** What the search asks of a packet whose fate is known. */
export interface SizedPacket {
  readonly packetNumber: number;
  /** Of a packet above the base size also those of its datagram: it has no room for another. */
  readonly bytes: number;
  readonly isMtuProbe?: boolean;
}

export class PathMtu {
  private readonly userLimit: number | undefined;
  private readonly onChange: (datagramBytes: number, maxBytesInFlight: number) => void;
  private phase: 'base' | 'searching' | 'complete' = 'base';
  private size = MIN_DATAGRAM_BYTES;
  private remoteIp: string;
  private peerLimit = MIN_DATAGRAM_BYTES;
  private peerBytesInFlight = Infinity;
  /** The smallest size that was given up in this search. */
  private failedSize = Infinity;
  /** The size to try next, once it was chosen. */
  private candidate: number | undefined;
  private candidateLosses = 0;
  private probe: { readonly packetNumber: number; readonly bytes: number } | undefined;
  /** A datagram was full since the last probe, so that a larger one would have been of use. */
  private isWanted = false;
  private raiseAt = Infinity;
  /** Packets below it went over another path. */
  private firstPacketNumber = 0;
  private largestDelivered = -1;
  /** Packets above the base size found lost, all sent after the newest of that size that was delivered. */
  private suspects: number[] = [];
  private blackHole = { size: Infinity, at: -Infinity };

  constructor(options: PathMtuOptions) {
    this.userLimit = options.userLimit;
    this.remoteIp = options.remoteIp;
    this.onChange = options.onChange;
  }

  /** Of every datagram but probes and hellos. */
  get datagramBytes(): number {
    return this.size;
  }

  /** Of the probe whose fate is open; 0: there is none. */
  get probeBytes(): number {
    return this.probe?.bytes ?? 0;
  }

  /** [DGM-2] What the peer takes, once it has said so. */
  onPeerLimits(maxDatagramBytes: number, receiveBufferBytes: number | undefined): void {
    this.peerLimit = Math.min(maxDatagramBytes, largestDatagramFor(receiveBufferBytes));
    this.peerBytesInFlight = bytesInFlightFor(receiveBufferBytes);
  }

  /** The handshake is confirmed: the search may begin. */
  onConfirmed(): void {
    if (this.phase === 'base') this.phase = 'searching';
  }

  /** Packets from `firstPacketNumber` on take another path, of which nothing is known. */
  onNewPath(remoteIp: string, firstPacketNumber: number): void {
    this.remoteIp = remoteIp;
    this.firstPacketNumber = firstPacketNumber;
    this.blackHole = { size: Infinity, at: -Infinity };
    if (this.phase !== 'base') this.restart();
    this.change(MIN_DATAGRAM_BYTES);
  }

  /** A datagram left that was full, and there was more to send. */
  onDatagramFull(): void {
    this.isWanted = true;
  }

  /** [MTU-4] The size of a probe that is due, or undefined: one at a time, and only where full datagrams leave. */
  nextProbe(congestionWindow: number, now: number): number | undefined {
    if (!this.isWanted || this.probe !== undefined || this.phase === 'base') return undefined;
    // [MTU-8]
    if (this.phase === 'complete' && now >= this.raiseAt) this.restart();
    if (this.phase === 'complete') return undefined;
    this.candidate ??= this.chooseCandidate();
    if (this.candidate === undefined) this.complete(now);
    // A lost probe fills the window until it is found lost: most of it must be left to data. On this machine a round
    // trip is too short to save on.
    else if (!isLoopback(this.remoteIp) && this.candidate > congestionWindow * WINDOW_SHARE) return undefined;
    return this.candidate;
  }

  onProbeSent(packetNumber: number, bytes: number): void {
    this.probe = { packetNumber, bytes };
    this.isWanted = false;
  }

  onDelivered(packet: SizedPacket): void {
    const { packetNumber, bytes } = packet;
    if (bytes <= MIN_DATAGRAM_BYTES || packetNumber < this.firstPacketNumber) return;
    this.largestDelivered = Math.max(this.largestDelivered, packetNumber);
    if (this.suspects.length > 0) {
      this.suspects = this.suspects.filter((suspect) => suspect > this.largestDelivered);
    }
    if (this.probe?.packetNumber !== packetNumber) return;
    this.forgetProbe();
    if (bytes > this.size) this.change(bytes);
  }

  onLost(packet: SizedPacket, now: number): void {
    const { packetNumber, bytes } = packet;
    if (bytes <= MIN_DATAGRAM_BYTES || packetNumber < this.firstPacketNumber) return;
    if (packet.isMtuProbe === true) this.onProbeLost(packetNumber);
    // Larger than what is sent now: from before it was lowered.
    else if (bytes <= this.size) this.onLargeLost(packetNumber, now);
  }

  /**
   * [MTU-7] The system refuses datagrams of so many bytes (EMSGSIZE); undefined: it does not say how many, and the
   * largest that were tried must be meant.
   */
  onTooLarge(refused: number | undefined): void {
    const bytes = refused ?? this.probe?.bytes ?? this.size;
    if (bytes <= MIN_DATAGRAM_BYTES || bytes >= this.failedSize) return;
    this.failedSize = bytes;
    this.forgetProbe();
    this.isWanted = true;
    if (this.phase === 'complete') this.phase = 'searching';
    if (bytes <= this.size) this.change(MIN_DATAGRAM_BYTES);
  }

  /** [MTU-5] */
  private onProbeLost(packetNumber: number): void {
    if (this.probe?.packetNumber !== packetNumber) return;
    const { bytes } = this.probe;
    this.probe = undefined;
    this.candidateLosses += 1;
    if (this.candidateLosses < PROBES_PER_SIZE) return;
    this.failedSize = bytes;
    this.forgetProbe();
  }

  /** [MTU-6] */
  private onLargeLost(packetNumber: number, now: number): void {
    if (packetNumber <= this.largestDelivered) return;
    this.suspects.push(packetNumber);
    if (this.suspects.length < BLACK_HOLE_LOSSES) return;
    const { size } = this;
    // Much may look like a black hole once, a short break of the network for one; so the size gets a second chance.
    const isRepeated = size >= this.blackHole.size && now - this.blackHole.at < RAISE_INTERVAL_MS;
    this.blackHole = { size, at: now };
    this.restart();
    if (isRepeated) this.failedSize = size;
    this.isWanted = true;
    this.change(MIN_DATAGRAM_BYTES);
  }

  /** First the largest; after it has failed the middle of what is left. */
  private chooseCandidate(): number | undefined {
    const top = Math.min(this.userLimit ?? largestDatagramTo(this.remoteIp), this.peerLimit);
    if (top <= this.size) return undefined;
    if (top < this.failedSize) return top;
    const left = LIKELY_SIZES.filter((size) => size > this.size && size < this.failedSize);
    return left[left.length >> 1];
  }

  private restart(): void {
    this.phase = 'searching';
    this.failedSize = Infinity;
    this.raiseAt = Infinity;
    this.forgetProbe();
  }

  private complete(now: number): void {
    this.phase = 'complete';
    this.raiseAt = this.failedSize === Infinity ? Infinity : now + RAISE_INTERVAL_MS;
  }

  private forgetProbe(): void {
    this.probe = undefined;
    this.candidate = undefined;
    this.candidateLosses = 0;
  }

  private change(size: number): void {
    this.size = size;
    this.suspects.length = 0;
    this.onChange(size, size > ETHERNET_DATAGRAM_BYTES ? this.peerBytesInFlight : Infinity);
  }
}

export interface PathMtuOptions {
  /** The largest datagram that the user allows; undefined: what suits the peer's address. */
  readonly userLimit: number | undefined;
  readonly remoteIp: string;
  /** The size changed, and with it how much may be in flight because of the peer's receive buffer [CON-4]. */
  readonly onChange: (datagramBytes: number, maxBytesInFlight: number) => void;
}

const WINDOW_SHARE = 1 / 4;
/** RFC 8899 §5.1.2, MAX_PROBES. */
const PROBES_PER_SIZE = 3;
/** RFC 8899 §4.3 leaves the number open; the same as for probes. */
const BLACK_HOLE_LOSSES = 3;
/** RFC 8899 §5.1.1, PMTU_RAISE_TIMER. */
const RAISE_INTERVAL_MS = 600_000;
/**
 * What links and tunnels leave of a packet behind the headers of IPv6 and IPv4: MTU 1,280, 1,360, 1,380, 1,400, 1,420
 * (WireGuard), 1,440, 1,460, 1,476 (GRE), 1,492 (PPPoE), 1,500; FDDI, jumbo Ethernet, the loopback interface of macOS.
 */
const LIKELY_SIZES = [
  1_232, 1_252, 1_312, 1_332, 1_352, 1_372, 1_392, 1_412, 1_428, 1_444, 1_452, 1_472, 2_304, 4_052, 8_152,
  8_952, 8_972, 16_336, 32_768, 49_152,
] as const;
