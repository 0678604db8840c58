/**
 * One direction of the way between two hosts: what a network may do to a datagram, each with its own rate. A datagram
 * passes, in this order: path MTU, blackout, bad period, burst and single loss, the drop-tail queue in front of the
 * rate, damage, duplication, exact reordering, delay and jitter. The link owns the copy of the bytes that it is given.
 */
import { type Timer } from '../base/clock.js';
import { damage, DAMAGE_KINDS, type DamageKind } from './damage.js';
import { type SeededRandom } from './seeded-random.js';
import { type VirtualClock } from './virtual-clock.js';
import { type Address } from '../transport/path/path.js';

/** Rates are probabilities per datagram, 0 to 1. */
export interface LinkConditions {
  readonly delayMs: number;
  /** Added to the delay, uniform over [0, jitterMs): datagrams overtake each other. */
  readonly jitterMs: number;
  /** Jitter delays what comes behind too, as on Wi-Fi and cellular links: nothing overtakes by it. */
  readonly jitterKeepsOrder: boolean;
  readonly lossRate: number;
  /** Probability that a burst starts, which takes this datagram and the next `burstLength` - 1. */
  readonly burstRate: number;
  readonly burstLength: number;
  /**
   * Good and bad periods take turns, each of a length drawn from an exponential distribution with this mean. In a bad
   * one nothing passes, however little is sent. 0: no bad periods.
   */
  readonly goodPeriodMs: number;
  readonly badPeriodMs: number;
  /** In these times nothing passes. */
  readonly blackouts: readonly { readonly startMs: number; readonly endMs: number }[];
  readonly duplicationRate: number;
  /** Probability of a second copy that comes up to `replayDelayMs` later. */
  readonly replayRate: number;
  readonly replayDelayMs: number;
  /** Probability that a datagram is held until exactly `reorderBy` later ones have passed (or for a second). */
  readonly reorderRate: number;
  readonly reorderBy: number;
  readonly corruptionRate: number;
  readonly truncationRate: number;
  readonly extensionRate: number;
  readonly splicingRate: number;
  /** How fast the queue drains; Infinity for no queue at all. */
  readonly bytesPerMs: number;
  /** Datagrams that may wait for the rate; one more is dropped. */
  readonly queueDatagrams: number;
  /** Bytes that may wait for the rate, headers included. */
  readonly queueBytes: number;
  /** What each datagram takes of rate and queue beside its own bytes: 28 for UDP over IPv4. */
  readonly headerBytes: number;
  /** Larger datagrams vanish, without ICMP. */
  readonly maxDatagramBytes: number;
}

export const CLEAN_LINK: LinkConditions = {
  delayMs: 1,
  jitterMs: 0,
  jitterKeepsOrder: false,
  lossRate: 0,
  burstRate: 0,
  burstLength: 1,
  goodPeriodMs: 0,
  badPeriodMs: 0,
  blackouts: [],
  duplicationRate: 0,
  replayRate: 0,
  replayDelayMs: 0,
  reorderRate: 0,
  reorderBy: 1,
  corruptionRate: 0,
  truncationRate: 0,
  extensionRate: 0,
  splicingRate: 0,
  bytesPerMs: Infinity,
  queueDatagrams: 10_000,
  queueBytes: Infinity,
  headerBytes: 0,
  maxDatagramBytes: 65_507,
};

export interface Datagram {
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Uint8Array;
  /** Of a damaged one: the datagrams, as they were sent, that bytes of it come from. */
  readonly madeOf?: readonly Datagram[];
}

/** What befell a datagram on its way. A datagram may suffer several; every copy that arrives is `delivered`. */
export const LINK_FATES = [
  'tooLarge',
  'blackedOut',
  'badPeriod',
  'burst',
  'lost',
  'queueFull',
  ...DAMAGE_KINDS,
  'duplicated',
  'replayed',
  'reordered',
  'delivered',
] as const;

export type LinkFate = (typeof LINK_FATES)[number];

export class Link {
  conditions: LinkConditions;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #periods: Periods;
  readonly #onFate: (fate: LinkFate, datagram: Datagram) => void;
  readonly #deliver: (datagram: Datagram) => void;
  readonly #held: HeldDatagram[] = [];
  /** When each queued datagram leaves, oldest first, from #queueHead on. */
  #departures: number[] = [];
  #queueHead = 0;
  #burstLeft = 0;
  /** When the last of those that keep their order arrives. */
  #lastArrivalAt = -Infinity;
  #previous: Datagram | undefined;

  constructor(
    clock: VirtualClock,
    random: SeededRandom,
    conditions: LinkConditions,
    onFate: (fate: LinkFate, datagram: Datagram) => void,
    deliver: (datagram: Datagram) => void,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#periods = new Periods(random.fork('periods'));
    this.conditions = conditions;
    this.#onFate = onFate;
    this.#deliver = deliver;
  }

  /** The datagram's bytes are the link's from now on. */
  send(datagram: Datagram): void {
    const dropped = this.#dropReason(datagram);
    if (dropped !== undefined) {
      this.#onFate(dropped, datagram);
      return;
    }
    const leavesInMs = this.#enqueue(datagram.bytes.length);
    if (leavesInMs === undefined) {
      this.#onFate('queueFull', datagram);
      return;
    }
    const { conditions } = this;
    const damaged = this.#damage(datagram);
    if (this.#random.chance(conditions.duplicationRate)) {
      this.#onFate('duplicated', damaged);
      this.#schedule(damaged, leavesInMs);
    }
    if (this.#random.chance(conditions.replayRate)) {
      this.#onFate('replayed', damaged);
      this.#deliverIn(
        damaged,
        leavesInMs + this.#travelMs() + this.#random.within(0, conditions.replayDelayMs),
      );
    }
    if (this.#random.chance(conditions.reorderRate)) this.#hold(damaged, leavesInMs);
    else this.#pass(damaged, leavesInMs);
  }

  #dropReason(datagram: Datagram): LinkFate | undefined {
    const { conditions } = this;
    if (datagram.bytes.length > conditions.maxDatagramBytes) return 'tooLarge';
    const now = this.#clock.now();
    for (const blackout of conditions.blackouts) {
      if (now >= blackout.startMs && now < blackout.endMs) return 'blackedOut';
    }
    if (conditions.badPeriodMs > 0 && this.#periods.isBad(conditions, now)) return 'badPeriod';
    if (this.#random.chance(conditions.burstRate)) this.#burstLeft = conditions.burstLength;
    if (conditions.burstRate === 0) this.#burstLeft = 0;
    if (this.#burstLeft > 0) {
      this.#burstLeft--;
      return 'burst';
    }
    return this.#random.chance(conditions.lossRate) ? 'lost' : undefined;
  }

  /** Milliseconds until the last bit has left, or undefined when the queue is full. */
  #enqueue(bytes: number): number | undefined {
    const { bytesPerMs, queueDatagrams, queueBytes, headerBytes } = this.conditions;
    if (bytesPerMs === Infinity) return 0;
    const size = bytes + headerBytes;
    const now = this.#clock.now();
    while (this.#queueHead < this.#departures.length && (this.#departures[this.#queueHead] ?? 0) <= now) {
      this.#queueHead++;
    }
    if (this.#queueHead > COMPACT_ABOVE) {
      this.#departures = this.#departures.slice(this.#queueHead);
      this.#queueHead = 0;
    }
    const waiting = this.#departures.length - this.#queueHead;
    if (waiting >= queueDatagrams) return undefined;
    const freeAt = Math.max(now, waiting > 0 ? (this.#departures.at(-1) ?? 0) : 0);
    if ((freeAt - now) * bytesPerMs + size > queueBytes) return undefined;
    const leavesAt = freeAt + size / bytesPerMs;
    this.#departures.push(leavesAt);
    return leavesAt - now;
  }

  #damage(datagram: Datagram): Datagram {
    const kind = this.#drawDamage();
    const previous = this.#previous;
    this.#previous = datagram;
    if (kind === undefined) return datagram;
    const damaged = {
      ...datagram,
      bytes: damage(kind, datagram.bytes, previous?.bytes, this.#random),
      madeOf: kind === 'spliced' && previous !== undefined ? [datagram, previous] : [datagram],
    };
    this.#onFate(kind, damaged);
    return damaged;
  }

  #drawDamage(): DamageKind | undefined {
    const { conditions } = this;
    if (this.#random.chance(conditions.corruptionRate)) return 'corrupted';
    if (this.#random.chance(conditions.truncationRate)) return 'truncated';
    if (this.#random.chance(conditions.extensionRate)) return 'extended';
    if (this.#random.chance(conditions.splicingRate)) return 'spliced';
    return undefined;
  }

  #hold(datagram: Datagram, leavesInMs: number): void {
    this.#onFate('reordered', datagram);
    const held: HeldDatagram = {
      datagram,
      toPass: this.conditions.reorderBy,
      timer: this.#clock.setTimer(() => {
        this.#held.splice(this.#held.indexOf(held), 1);
        this.#schedule(datagram, 0);
      }, leavesInMs + LONGEST_HOLD_MS),
    };
    this.#held.push(held);
  }

  #pass(datagram: Datagram, leavesInMs: number): void {
    this.#schedule(datagram, leavesInMs);
    for (let index = 0; index < this.#held.length; index++) {
      const held = this.#held[index] as HeldDatagram;
      if (--held.toPass > 0) continue;
      held.timer.cancel();
      this.#held.splice(index--, 1);
      this.#schedule(held.datagram, leavesInMs);
    }
  }

  #schedule(datagram: Datagram, leavesInMs: number): void {
    let inMs = leavesInMs + this.#travelMs();
    if (this.conditions.jitterKeepsOrder) {
      const now = this.#clock.now();
      inMs = Math.max(inMs, this.#lastArrivalAt - now);
      // The difference of two times may be a rounding too small, which would be an overtaking.
      if (now + inMs < this.#lastArrivalAt) inMs += this.#lastArrivalAt * Number.EPSILON;
      this.#lastArrivalAt = now + inMs;
    }
    this.#deliverIn(datagram, inMs);
  }

  #travelMs(): number {
    const { delayMs, jitterMs } = this.conditions;
    return delayMs + (jitterMs > 0 ? this.#random.within(0, jitterMs) : 0);
  }

  #deliverIn(datagram: Datagram, inMs: number): void {
    this.#clock.setTimer(() => {
      this.#onFate('delivered', datagram);
      this.#deliver(datagram);
    }, inMs);
  }
}

/** Good and bad periods in turn, from the first datagram on. */
class Periods {
  readonly #random: SeededRandom;
  #isBad = true;
  #endsAt: number | undefined;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  isBad({ goodPeriodMs, badPeriodMs }: LinkConditions, now: number): boolean {
    while (this.#endsAt === undefined || this.#endsAt <= now) {
      this.#isBad = !this.#isBad;
      const meanMs = this.#isBad ? badPeriodMs : goodPeriodMs;
      const lengthMs = Math.max(SHORTEST_PERIOD_MS, -meanMs * Math.log(1 - this.#random.fraction()));
      this.#endsAt = (this.#endsAt ?? now) + lengthMs;
    }
    return this.#isBad;
  }
}

interface HeldDatagram {
  readonly datagram: Datagram;
  readonly timer: Timer;
  toPass: number;
}

/** So that also periods of no length pass. */
const SHORTEST_PERIOD_MS = 0.001;
const LONGEST_HOLD_MS = 1_000;
const COMPACT_ABOVE = 1_024;
