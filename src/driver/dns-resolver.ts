/**
 * The servers that a name means, asked of name servers again and again: each A and AAAA record is a server; of a service
 * name (`_service._udp.name`) each SRV record is one, with its priority, weight and port, whose addresses are tried
 * against each other. It asks again when the shortest TTL is over, within bounds and a little early at random, so that many
 * clients do not ask at once; sooner when the channel has lost a server or an answer could not be had. What could not be
 * asked now is what it was; a name that has no servers any more is taken for a mistake, and the last answer holds.
 */
import { type SrvRecord } from 'node:dns';
import { Resolver as NodeResolver } from 'node:dns/promises';
import { type Clock, type Timer } from '../base/clock.js';
import { type Random } from '../base/random.js';
import {
  type Resolver,
  type ResolverListener,
  type ResolverWatch,
  type ServerAddress,
} from '../rpc/balancing/resolver.js';
import { errorCode } from './socket-error.js';
import { formatAddress } from './target.js';

/** What it asks; `dns.promises.Resolver` of Node is one. */
export interface NameServers {
  resolve4(name: string, options: { ttl: true }): Promise<readonly AddressRecord[]>;
  resolve6(name: string, options: { ttl: true }): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  cancel(): void;
}

export interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

export interface DnsResolverOptions {
  /** In ASCII. */
  readonly name: string;
  /** Of A and AAAA records; undefined: the name is that of a service, and SRV records say it. */
  readonly port: number | undefined;
  /** The longest time between two questions. */
  readonly refreshMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** For each watch its own, so that it can be cancelled. */
  readonly nameServers: () => NameServers;
}

/** Of `servers`, each `ip` or `ip:port`; default: those of the system. Throws Node's error. */
export function nameServersAt(servers: readonly string[] | undefined): NameServers {
  const resolver = new NodeResolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

export class DnsResolver implements Resolver {
  readonly #options: DnsResolverOptions;
  /** Of each question of the last round, what was answered then or before. */
  #answers: ReadonlyMap<string, readonly unknown[]> = new Map();
  #askedAt = -Infinity;

  constructor(options: DnsResolverOptions) {
    this.#options = options;
  }

  watch(listener: ResolverListener): ResolverWatch {
    const { clock, random, refreshMs, nameServers } = this.#options;
    const servers = nameServers();
    let isStopped = false;
    let isAsking = false;
    let failuresInRow = 0;
    let timer: Timer | undefined;
    const ask = async (): Promise<void> => {
      timer?.cancel();
      isAsking = true;
      this.#askedAt = clock.now();
      const lookup = new Lookup(servers, this.#answers);
      const found = await this.#find(lookup);
      isAsking = false;
      if (isStopped) return;
      this.#answers = lookup.answers;
      failuresInRow = lookup.failure === undefined ? 0 : failuresInRow + 1;
      if (found.length > 0) listener.onServers(found);
      if (lookup.failure !== undefined || found.length === 0) listener.onError(lookup.failure ?? NO_RECORD);
      const wantedMs = failuresInRow > 0 ? MIN_REFRESH_MS * 2 ** (failuresInRow - 1) : lookup.ttlMs;
      askAfter(Math.min(Math.max(wantedMs, MIN_REFRESH_MS), refreshMs) * (1 - JITTER * random.fraction()));
    };
    const askAfter = (delayMs: number): void => {
      timer?.cancel();
      timer = clock.setTimer(() => void ask(), delayMs, false);
    };
    clock.soon(() => {
      if (!isStopped) void ask();
    });
    return {
      stop() {
        isStopped = true;
        timer?.cancel();
        servers.cancel();
      },
      refresh: () => {
        if (isAsking || isStopped) return;
        const waitMs = this.#askedAt + MIN_REFRESH_MS - clock.now();
        if (waitMs <= 0) void ask();
        else askAfter(waitMs);
      },
    };
  }

  async #find(lookup: Lookup): Promise<readonly ServerAddress[]> {
    const { name, port } = this.#options;
    if (port === undefined) return this.#findServices(lookup);
    const ips = await lookup.ips(name);
    return ips.map((ip) => ({ address: formatAddress(ip, port) }));
  }

  async #findServices(lookup: Lookup): Promise<readonly ServerAddress[]> {
    const services = await lookup.services(this.#options.name);
    const servers = services.map(async ({ name, port, priority, weight }) => {
      // 0 is for servers that are to get next to nothing while there are others (RFC 2782).
      const server = { address: formatAddress(name, port), priority, weight: Math.max(weight, 0.1) };
      return { ...server, ips: await lookup.ips(name) };
    });
    const found = (await Promise.all(servers)).filter(({ ips }) => ips.length > 0);
    return shuffled(found, this.#options.random);
  }
}

/** One round of questions. */
class Lookup {
  /** The first question that was not answered, and why. */
  failure: string | undefined;
  /** The shortest of all that was answered. */
  ttlMs = Infinity;
  readonly answers = new Map<string, readonly unknown[]>();
  readonly #servers: NameServers;
  readonly #lastAnswers: ReadonlyMap<string, readonly unknown[]>;

  constructor(servers: NameServers, lastAnswers: ReadonlyMap<string, readonly unknown[]>) {
    this.#servers = servers;
    this.#lastAnswers = lastAnswers;
  }

  /** IPv4 and IPv6, in turns. Never rejects. */
  async ips(name: string): Promise<readonly string[]> {
    const [v4, v6] = await Promise.all([
      this.#ask(`A ${name}`, () => this.#servers.resolve4(name, { ttl: true })),
      this.#ask(`AAAA ${name}`, () => this.#servers.resolve6(name, { ttl: true })),
    ]);
    for (const { ttl } of [...v4, ...v6]) this.ttlMs = Math.min(this.ttlMs, ttl * 1_000);
    if (v4.length === 0 && v6.length === 0) this.failure ??= `${name} has no address (A, AAAA)`;
    return interleaved(v4, v6).map(({ address }) => address);
  }

  /** Never rejects. */
  async services(name: string): Promise<readonly SrvRecord[]> {
    const found = await this.#ask(`SRV ${name}`, () => this.#servers.resolveSrv(name));
    const services = found
      .filter((record) => record.name !== '' && record.name !== '.')
      .sort((a, b) => a.priority - b.priority)
      .slice(0, MAX_SERVICE_RECORDS);
    if (services.length === 0) this.failure ??= `${name} has no service record (SRV)`;
    return services;
  }

  async #ask<Record>(question: string, ask: () => Promise<readonly Record[]>): Promise<readonly Record[]> {
    let answer: readonly Record[] = [];
    try {
      answer = await ask();
    } catch (error) {
      const code = errorCode(error);
      // That there is no such record is an answer too.
      if (code !== 'ENODATA' && code !== 'ENOTFOUND') {
        this.failure ??= `${question}: ${FAILURES.get(code) ?? 'the name server failed'} (${code})`;
        answer = (this.#lastAnswers.get(question) ?? []) as readonly Record[];
      }
    }
    this.answers.set(question, answer);
    return answer;
  }
}

function interleaved<Item>(first: readonly Item[], second: readonly Item[]): readonly Item[] {
  const all: Item[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    all.push(...first.slice(i, i + 1), ...second.slice(i, i + 1));
  }
  return all;
}

/** In an order in which each is first as often as its weight says (RFC 2782): of exponential draws the lowest. */
function shuffled<Server extends { readonly weight: number }>(
  servers: readonly Server[],
  random: Random,
): readonly Server[] {
  const drawn = servers.map((server) => ({ server, draw: -Math.log1p(-random.fraction()) / server.weight }));
  return drawn.sort((a, b) => a.draw - b.draw).map(({ server }) => server);
}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ['ETIMEOUT', 'no name server answered'],
  ['ECONNREFUSED', 'no name server answered'],
  ['EREFUSED', 'the name server refuses to answer'],
  ['ESERVFAIL', 'the name server could not find out'],
]);

const NO_RECORD = 'there is no server';
/** Each is two questions more. Those of the best priority are asked for; an answer of 64 KiB has room for some thousand. */
const MAX_SERVICE_RECORDS = 256;
const QUERY_TIMEOUT_MS = 2_000;
/** However short a TTL, and after the first failure. */
const MIN_REFRESH_MS = 1_000;
/** So much of the time between two questions is chance. */
const JITTER = 0.2;
