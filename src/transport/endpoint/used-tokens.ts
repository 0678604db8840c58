/**
 * Which tokens were used, so that each proves something once. Bounded, and fails closed: when there is no room to
 * remember another one, it is not good, until the oldest have died of age. Of the room no IP address has more than its share:
 * who comes again and again from one keeps nobody out who comes from another.
 */

export interface UsedTokensOptions {
  readonly lifetimeMs: number;
  readonly maxTokens: number;
  /** Of those from one IP address. */
  readonly maxTokensPerAddress: number;
}

interface Use {
  readonly ip: string;
  /** Later than the token is good in any case. */
  readonly forgetAt: number;
}

export class UsedTokens {
  readonly #options: UsedTokensOptions;
  /** The oldest first. */
  readonly #uses = new Map<string, Use>();
  readonly #countByIp = new Map<string, number>();

  constructor(options: UsedTokensOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#uses.size;
  }

  /** Whether this token, issued for this address at `issuedAt`, is good at `time`: at most once. */
  use(token: Uint8Array, ip: string, issuedAt: number, time: number): boolean {
    const { lifetimeMs, maxTokens, maxTokensPerAddress } = this.#options;
    const age = time - issuedAt;
    // From the future: by a clock that was wrong then or is now.
    if (age < 0 || age > lifetimeMs) return false;
    this.#forget(time);
    const key = String.fromCharCode(...token);
    if (this.#uses.has(key) || this.#uses.size >= maxTokens) return false;
    const count = this.#countByIp.get(ip) ?? 0;
    if (count >= maxTokensPerAddress) return false;
    this.#countByIp.set(ip, count + 1);
    this.#uses.set(key, { ip, forgetAt: time + lifetimeMs });
    return true;
  }

  #forget(time: number): void {
    for (const [key, { ip, forgetAt }] of this.#uses) {
      if (forgetAt >= time) return;
      this.#uses.delete(key);
      const count = this.#countByIp.get(ip) ?? 0;
      if (count > 1) this.#countByIp.set(ip, count - 1);
      else this.#countByIp.delete(ip);
    }
  }
}
