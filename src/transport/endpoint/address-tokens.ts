/**
 * What a server gives a client so that it can show later that it receives at its address: in a RETRY for the hello that
 * follows at once, in NEW_TOKEN for the hello of another connection (RFC 9000 §8.1). Owns what a token says and when it is
 * good; that nobody else can write or change one is for the TokenProtection. What is not good counts as no token at all:
 * there is no error, and no answer that differs [TOK-2].
 * Fails closed: where it cannot be told whether a token was used before, it was.
 */
import { type Random } from '../../base/random.js';
import { type Address } from '../path/path.js';
import { isSameId } from '../path/local-ids.js';
import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { CONNECTION_ID_BYTES, MAX_TOKEN_BYTES } from '../connection/transport-options.js';
import { UsedTokens } from './used-tokens.js';

/** [TOK-1] Makes bytes that only this server can read and nobody can change, and knows them again. */
export interface TokenProtection {
  /** Other bytes each time, also for the same ones. */
  seal(bytes: Uint8Array): Uint8Array;
  /** Undefined: not by `seal` under the same key. */
  open(token: Uint8Array): Uint8Array | undefined;
}

export interface TokenMeans {
  readonly random: Random;
  readonly tokenProtection: TokenProtection;
  /** Milliseconds since 1970: tokens outlive the process, and so does the time in them. */
  wallTime(): number;
}

/** What a client has shown with its hello. */
export interface Redeemed {
  /** The hello comes from where the token was sent, now, and for the first time. */
  readonly isProof: boolean;
  /** After a RETRY: where the client's very first hello went. */
  readonly originalDestinationId: Uint8Array | undefined;
}

/** The hello that a token came in. */
export interface HelloFacts {
  readonly version: number;
  readonly destinationId: Uint8Array;
  readonly remote: Address;
}

const Kind = { RETRY: 0, ADDRESS: 1 } as const;

export class AddressTokens {
  readonly #means: TokenMeans;
  readonly #usedRetries = new UsedTokens({
    lifetimeMs: RETRY_LIFETIME_MS,
    maxTokens: MAX_USED_RETRIES,
    maxTokensPerAddress: MAX_USED_RETRIES / SHARES,
  });
  readonly #usedAddresses = new UsedTokens({
    lifetimeMs: ADDRESS_LIFETIME_MS,
    maxTokens: MAX_USED_ADDRESSES,
    maxTokensPerAddress: MAX_USED_ADDRESSES / SHARES,
  });
  /** Says of a RETRY's token that it is of this endpoint: what another one has seen used is not known here. */
  #issuerId: Uint8Array | undefined;
  /** By the wall clock, read once: that somebody sets it makes no token older, newer or good again. */
  #startedAt: number | undefined;
  #clockAtStart = 0;

  constructor(means: TokenMeans) {
    this.#means = means;
  }

  /** [RTY-2] [TOK-3] For the one hello that answers the RETRY whose source ID is `retrySourceId`. */
  forRetry(hello: HelloFacts, retrySourceId: Uint8Array, now: number): Uint8Array {
    const { version, remote, destinationId } = hello;
    const writer = this.#begin(Kind.RETRY, version, remote, now);
    this.#issuerId ??= this.#means.random.bytes(ISSUER_ID_BYTES);
    writer.write(this.#issuerId);
    writer.varint(remote.port);
    writer.write(retrySourceId);
    writer.write(destinationId);
    return this.#seal(writer);
  }

  /** [TOK-4] For a hello of another connection, from the same IP address. */
  forAddress(version: number, remote: Address, now: number): Uint8Array {
    return this.#seal(this.#begin(Kind.ADDRESS, version, remote, now));
  }

  /** [TOK-2] Undefined: as if there were no token. A token that proves something is used up by it. */
  redeem(token: Uint8Array, hello: HelloFacts, now: number): Redeemed | undefined {
    if (token.length === 0 || token.length > MAX_TOKEN_BYTES) return undefined;
    const bytes = this.#means.tokenProtection.open(token);
    if (bytes === undefined) return undefined;
    const { ip, port } = hello.remote;
    const reader = new ByteReader(bytes);
    const kind = reader.u8();
    if (reader.u32() !== hello.version) return undefined;
    const issuedAt = reader.varint();
    const isSameIp = isText(reader.view(reader.u8()), ip);
    const time = this.#time(now);
    if (kind === Kind.ADDRESS) {
      const isProof = isSameIp && this.#usedAddresses.use(token, ip, issuedAt, time);
      return { isProof, originalDestinationId: undefined };
    }
    const issuerId = reader.view(ISSUER_ID_BYTES);
    const isOurs = this.#issuerId !== undefined && isSameId(issuerId, this.#issuerId);
    const isSamePort = reader.varint() === port;
    // Of another RETRY than the hello goes by.
    if (!isSameId(reader.view(CONNECTION_ID_BYTES), hello.destinationId)) return undefined;
    const originalDestinationId = reader.view(CONNECTION_ID_BYTES).slice();
    const isProof = isOurs && isSameIp && isSamePort && this.#usedRetries.use(token, ip, issuedAt, time);
    return { isProof, originalDestinationId };
  }

  #begin(kind: number, version: number, { ip }: Address, now: number): ByteWriter {
    const writer = new ByteWriter(new Uint8Array(LARGEST_BYTES + ip.length));
    writer.u8(kind);
    writer.u32(version);
    writer.varint(Math.floor(this.#time(now)));
    writer.u8(ip.length);
    for (let i = 0; i < ip.length; i++) writer.u8(ip.charCodeAt(i));
    return writer;
  }

  #seal({ bytes, offset }: ByteWriter): Uint8Array {
    return this.#means.tokenProtection.seal(bytes.subarray(0, offset));
  }

  #time(now: number): number {
    if (this.#startedAt === undefined) {
      this.#startedAt = this.#means.wallTime();
      this.#clockAtStart = now;
    }
    return this.#startedAt + (now - this.#clockAtStart);
  }
}

function isText(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

const RETRY_LIFETIME_MS = 10_000;
const ADDRESS_LIFETIME_MS = 24 * 3_600_000;
const ISSUER_ID_BYTES = 8;
/** About 300 bytes each: 1,600 clients a second may come by RETRY, and 65,536 a day by a token of before. */
const MAX_USED_RETRIES = 16_384;
const MAX_USED_ADDRESSES = 65_536;
/** One IP address has at most one: many clients may share it behind a carrier's NAT. */
const SHARES = 16;
/** All that is in a token but the text of the IP address. */
const LARGEST_BYTES = 1 + 4 + 8 + 1 + ISSUER_ID_BYTES + 4 + 2 * CONNECTION_ID_BYTES;
