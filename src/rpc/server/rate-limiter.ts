/**
 * How many calls one peer may make in a second: a token bucket for each IP address, of IPv6 for each /64, which is what
 * one customer is given. A bucket holds a second's worth, at least one call. It is a single number, the instant at which
 * the bucket is full again, so one that is full is as good as none: the table forgets those first. O(1), no timers.
 */
import { RecencyMap } from '../../base/recency-map.js';

export class RateLimiter {
  /** Between two calls of a peer that takes all it may have. */
  readonly #intervalMs: number;
  /** To fill an empty bucket but for one call. */
  readonly #burstMs: number;
  readonly #maxPeers: number;
  readonly #buckets = new RecencyMap<Bucket>();

  /** `callsPerSecond` may be Infinity, and then nothing is counted. */
  constructor(callsPerSecond: number, maxPeers: number) {
    this.#intervalMs = 1_000 / callsPerSecond;
    this.#burstMs = this.#intervalMs * (Math.max(1, callsPerSecond) - 1);
    this.#maxPeers = maxPeers;
  }

  /** 0: the call goes on and is counted. Else after how many ms it would, if its peer is quiet until then. */
  admit(peer: string, now: number): number {
    if (this.#intervalMs === 0) return 0;
    const block = addressBlock(peer);
    let bucket = this.#buckets.use(block);
    if (bucket === undefined) {
      this.#makeRoom(now);
      bucket = { fullAt: now };
      this.#buckets.set(block, bucket);
    }
    const fullAt = Math.max(bucket.fullAt, now);
    const waitMs = fullAt - this.#burstMs - now;
    if (waitMs > ROUNDING_MS) return waitMs;
    bucket.fullAt = fullAt + this.#intervalMs;
    return 0;
  }

  /** Two at most, so that no call pays for many; it is enough, as one is added. */
  #makeRoom(now: number): void {
    if (this.#buckets.size >= this.#maxPeers) this.#buckets.shift();
    const { oldest } = this.#buckets;
    if (oldest !== undefined && oldest.fullAt <= now) this.#buckets.shift();
  }
}

/** `ip:port` or `[ip]:port` without the port; of IPv6 the first 64 bits. */
export function addressBlock(peer: string): string {
  const end = peer.lastIndexOf(':');
  if (!peer.startsWith('[')) return peer.slice(0, end);
  const ip = peer.slice(1, end - 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = ip.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    // A dotted end stands for two groups.
    const count = behind.length + (tail.includes('.') ? 1 : 0);
    while (groups.length + count < IPV6_GROUPS) groups.push('0');
    groups.push(...behind);
  }
  const first = groups.slice(0, BLOCK_GROUPS).map((group) => group.replace(/^0+(?=.)/, '').toLowerCase());
  return `${first.join(':')}::/64`;
}

interface Bucket {
  fullAt: number;
}

const IPV6_GROUPS = 8;
const BLOCK_GROUPS = 4;

/** Sums of an interval that is no binary fraction: a call at its very instant is not early. */
const ROUNDING_MS = 1e-6;
