/**
 * What must hold of a congestion window, whatever controls it: never below two datagrams, never exceeded but by probes,
 * cut only by losses, of packets sent after the last cut; not by the loss of an MTU probe; and no larger than what was
 * in flight gave reason for. BBR's grows to no more than a multiple of what it has measured.
 */
import { type ConnectionFacts } from '../../../src/transport/connection/connection-observer.js';
import { Bbr } from '../../../src/transport/congestion/bbr.js';
import { type Players } from '../../../src/transport/connection/players.js';
import { type SentPacket } from '../../../src/transport/recovery/sent-packet.js';
import { check } from './violation.js';

export class WindowWatch {
  readonly #name: string;
  /** Of what was excused. */
  readonly #count: (name: string) => void;
  /** BBR's window follows what it measures: it falls without a loss, and losses do not always cut it. */
  readonly #isCutByLossOnly: boolean;
  #window = 0;
  #bytesInFlight = 0;
  #mostInFlight = 0;
  #maxDatagramSize = 0;
  /** Probes were owed when it was looked at last, or frames that try a path left since: those may exceed it. */
  #mayExceed = false;
  #lastCutAt = -Infinity;
  #spuriousLosses = 0;
  /** Of what was found lost in this step, when the newest was sent that is no MTU probe. */
  #newestLostSentAt = -Infinity;
  /** Something was acknowledged in this step. */
  #isAcknowledged = false;
  /** The host that the window is of. */
  #host: string | undefined;

  constructor(name: string, { options }: ConnectionFacts, count: (name: string) => void) {
    this.#name = name;
    this.#count = count;
    this.#isCutByLossOnly = LOSS_BASED.has(options.congestionControl);
  }

  onPacketsLost(packets: readonly SentPacket[]): void {
    for (const { isInFlight, isMtuProbe, sentAt } of packets) {
      if (isInFlight && isMtuProbe !== true)
        this.#newestLostSentAt = Math.max(this.#newestLostSentAt, sentAt);
    }
  }

  onAcknowledged(): void {
    this.#isAcknowledged = true;
  }

  /** A few frames that try a path leave whatever the window is, lest an old address keep a new one from being tried. */
  onPathFrame(): void {
    this.#mayExceed = true;
  }

  check(players: Players, now: number): void {
    const { controller, recovery, pathMtu, path } = players;
    const maxDatagramSize = pathMtu.datagramBytes;
    const window = controller.congestionWindow;
    const { bytesInFlight } = recovery;
    check(
      window >= 2 * maxDatagramSize,
      () => `${this.#name}: a window of ${window} bytes, below two datagrams`,
    );
    // [REC-7] Another host is another path: it starts anew once it is certain that the peer is there, another port never.
    this.#host ??= path.remote.ip;
    if (path.isValidated && path.remote.ip !== this.#host) this.#startAnew(path.remote.ip);
    // A cut that was a mistake may be undone: then what was lost before it counts again.
    const isUndone = recovery.spuriousLossCount > this.#spuriousLosses;
    if (isUndone) this.#lastCutAt = -Infinity;
    this.#spuriousLosses = recovery.spuriousLossCount;
    this.#checkCut(window, maxDatagramSize, now);
    if (controller instanceof Bbr && this.#isAcknowledged && !isUndone)
      this.#checkMeasured(controller, window, maxDatagramSize);
    this.#checkUse(window, bytesInFlight, players);
    this.#mostInFlight = Math.max(this.#mostInFlight, bytesInFlight);
    check(
      window <= Math.max(INITIAL_WINDOW_BYTES, 2 * maxDatagramSize) + GROWTH * this.#mostInFlight,
      () => `${this.#name}: a window of ${window} bytes, and never more than ${this.#mostInFlight} in flight`,
    );
    this.#window = window;
    this.#bytesInFlight = bytesInFlight;
    this.#maxDatagramSize = maxDatagramSize;
    this.#newestLostSentAt = -Infinity;
    this.#isAcknowledged = false;
    this.#mayExceed = players.protected.probesPending + players.hello.probesPending > 0;
  }

  #startAnew(host: string): void {
    this.#host = host;
    this.#window = 0;
    this.#lastCutAt = -Infinity;
  }

  #checkCut(window: number, maxDatagramSize: number, now: number): void {
    if (!this.#isCutByLossOnly) return;
    if (window >= this.#window) return;
    const lost = this.#newestLostSentAt;
    check(
      lost > -Infinity,
      () => `${this.#name}: the window fell from ${this.#window} to ${window} without a loss`,
    );
    // Losses that last cut it down to two datagrams, at any time; those may have grown in the same step.
    const smallest = 2 * this.#maxDatagramSize;
    if (lost < this.#lastCutAt && window > smallest && window <= 2 * maxDatagramSize) {
      this.#count('excuse/a cut to two datagrams that have grown');
    }
    check(
      lost >= this.#lastCutAt || window <= Math.max(smallest, 2 * maxDatagramSize),
      () =>
        `${this.#name}: the window is cut for packets sent ${this.#lastCutAt - lost} ms before it was cut`,
    );
    this.#lastCutAt = now;
  }

  /** What is acknowledged lets the window grow to so much; one that is larger for other reasons is not let grow further. */
  #checkMeasured({ measuredInflight, pacingRate }: Bbr, window: number, maxDatagramSize: number): void {
    if (measuredInflight === undefined || window <= this.#window) return;
    const quanta = Math.max((pacingRate ?? 0) * QUANTA_MS, SMALLEST_BBR_DATAGRAMS * maxDatagramSize);
    const most = Math.max(BBR_GAIN * measuredInflight, quanta) + 2 * maxDatagramSize;
    check(
      window <= most,
      () => `${this.#name}: BBR's window grows to ${window} bytes, and what it measured is worth ${most}`,
    );
  }

  /** What was in flight before a cut may stay; from then on only probes may add to it. */
  #checkUse(window: number, bytesInFlight: number, players: Players): void {
    const added = bytesInFlight - this.#bytesInFlight;
    if (added <= 0 || bytesInFlight <= Math.min(window, players.recovery.maxBytesInFlight)) return;
    // A lone datagram may always leave; before confirmation padding fills what only acknowledges.
    if (this.#bytesInFlight === 0 || !players.isConfirmed) return;
    // An MTU probe asks for no room, and there is one at a time.
    if (added === players.pathMtu.probeBytes) return;
    check(
      this.#mayExceed && added <= players.pathMtu.datagramBytes,
      () => `${this.#name}: ${bytesInFlight} bytes in flight, window ${window}`,
    );
  }
}

/** Of bandwidth-delay products, the largest that any phase asks for. */
const BBR_GAIN = 2;
/** Three sending quanta of a millisecond each, or of two datagrams. */
const QUANTA_MS = 3;
const SMALLEST_BBR_DATAGRAMS = 6;
const LOSS_BASED: ReadonlySet<string> = new Set(['cubic']);
const INITIAL_WINDOW_BYTES = 32 * 1_200;
/** In slow start all that was acknowledged is added, and a window may be full twice before it is known that it was. */
const GROWTH = 4;
