/**
 * Packet protection by an AEAD of node:crypto (WIRE-AND-SECURITY "TLS 1.3 by node:tls, keys by exporter"): key and IV by
 * HKDF-Expand-Label, the nonce is the IV with the packet number in it, the whole header is associated data. Packet
 * numbers never restart, so a key and a nonce never meet twice; that is the caller's to keep.
 */
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
} from 'node:crypto';
import { freeMemory } from './free-memory.js';
import {
  type HelloProtection,
  type Opener,
  type Protection,
  type Sealer,
} from '../transport/protection/protection.js';

export interface CipherSuite {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyBytes: number;
  readonly hash: 'sha256' | 'sha384';
  readonly hashBytes: number;
  /** Of packets that may fail to open (RFC 9001 §6.6). */
  readonly forgeryLimit: number;
}

/** What secrets and keys are derived by [KEY-1] [KEY-2] [KEY-4] [HDR-9]. */
export const KeyLabel = {
  CLIENT_HELLO: 'udprpc client hello',
  SERVER_HELLO: 'udprpc server hello',
  RETRY: 'udprpc retry',
  KEY: 'udprpc key',
  IV: 'udprpc iv',
  UPDATE: 'udprpc ku',
} as const;

const AES_128: CipherSuite = {
  cipher: 'aes-128-gcm',
  keyBytes: 16,
  hash: 'sha256',
  hashBytes: 32,
  forgeryLimit: 2 ** 52,
};

/** By the names of RFC 8446 §B.4. */
export const CIPHER_SUITES: ReadonlyMap<string, CipherSuite> = new Map([
  ['TLS_AES_128_GCM_SHA256', AES_128],
  [
    'TLS_AES_256_GCM_SHA384',
    { cipher: 'aes-256-gcm', keyBytes: 32, hash: 'sha384', hashBytes: 48, forgeryLimit: 2 ** 52 },
  ],
  [
    'TLS_CHACHA20_POLY1305_SHA256',
    { cipher: 'chacha20-poly1305', keyBytes: 32, hash: 'sha256', hashBytes: 32, forgeryLimit: 2 ** 36 },
  ],
]);

/** Leaves `secret` to the caller: it keeps a copy, from which it makes its successor. */
export function createSealer(suite: CipherSuite, secret: Uint8Array): Sealer {
  const ratchet = new Ratchet(suite, secret, createSealer);
  const { key, iv } = derivePacketKey(suite, secret);
  const cipherName = nodeCipherName(suite);
  const nonce = new Uint8Array(IV_BYTES);
  return {
    overhead: TAG_BYTES,
    packetLimit: PACKET_LIMIT,
    next: () => ratchet.next(),
    seal(packetNumber, buffer, headerStart, payloadStart, payloadEnd) {
      writeNonce(nonce, iv, packetNumber);
      const cipher = createCipheriv(cipherName, key, nonce, AEAD_OPTIONS);
      cipher.setAAD(buffer.subarray(headerStart, payloadStart), UNUSED_AAD_OPTIONS);
      // A RETRY is a header only.
      if (payloadEnd > payloadStart) {
        const sealed = cipher.update(buffer.subarray(payloadStart, payloadEnd));
        buffer.set(sealed, payloadStart);
        freeMemory(sealed);
      }
      cipher.final();
      buffer.set(cipher.getAuthTag(), payloadEnd);
      return payloadEnd + TAG_BYTES;
    },
  };
}

/** As `createSealer`. */
export function createOpener(suite: CipherSuite, secret: Uint8Array): Opener {
  const ratchet = new Ratchet(suite, secret, createOpener);
  const { key, iv } = derivePacketKey(suite, secret);
  const cipherName = nodeCipherName(suite);
  const nonce = new Uint8Array(IV_BYTES);
  return {
    overhead: TAG_BYTES,
    isInPlace: false,
    forgeryLimit: suite.forgeryLimit,
    next: () => ratchet.next(),
    open(packetNumber, buffer, headerStart, payloadStart, packetEnd) {
      const payloadEnd = packetEnd - TAG_BYTES;
      if (payloadEnd < payloadStart) return undefined;
      writeNonce(nonce, iv, packetNumber);
      const decipher = createDecipheriv(cipherName, key, nonce, AEAD_OPTIONS);
      decipher.setAAD(buffer.subarray(headerStart, payloadStart), UNUSED_AAD_OPTIONS);
      decipher.setAuthTag(buffer.subarray(payloadEnd, packetEnd));
      const payload = decipher.update(buffer.subarray(payloadStart, payloadEnd));
      try {
        decipher.final();
      } catch {
        return undefined;
      }
      return new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
    },
  };
}

/** [KEY-4] What makes the keys of the next generation, once: then its secret is gone, and none leads back. */
class Ratchet<T> {
  readonly #suite: CipherSuite;
  readonly #secret: Uint8Array;
  readonly #create: (suite: CipherSuite, secret: Uint8Array) => T;
  #next: T | undefined;

  constructor(suite: CipherSuite, secret: Uint8Array, create: (suite: CipherSuite, secret: Uint8Array) => T) {
    this.#suite = suite;
    // A copy whatever it is: TLS gives a Buffer, whose `slice` would be a view of what the caller zeroes next.
    this.#secret = Uint8Array.from(secret);
    this.#create = create;
  }

  next(): T {
    if (this.#next !== undefined) return this.#next;
    const secret = expandLabel(this.#suite, this.#secret, KeyLabel.UPDATE, this.#suite.hashBytes);
    this.#next = this.#create(this.#suite, secret);
    secret.fill(0);
    this.#secret.fill(0);
    return this.#next;
  }
}

/**
 * [KEY-1] The keys of HELLO packets, made from what every such packet says openly: no secret, but whoever does not see the
 * packets cannot forge one (as RFC 9001 §5.2).
 */
export function deriveHelloProtection(helloId: Uint8Array, role: 'client' | 'server'): HelloProtection {
  return new LazyHelloProtection(helloId, role === 'client');
}

/**
 * Makes each key when it is asked for first: of a stranger's hello a server needs only one, and making them is most of what a
 * flood of hellos costs. A class, because an object with getters of its own costs as much as a key.
 */
class LazyHelloProtection implements HelloProtection {
  readonly #helloId: Uint8Array;
  readonly #isClient: boolean;
  #secret: Uint8Array | undefined;
  #sealer: Sealer | undefined;
  #opener: Opener | undefined;

  constructor(helloId: Uint8Array, isClient: boolean) {
    this.#helloId = helloId;
    this.#isClient = isClient;
  }

  get retry(): Protection {
    return retryProtection(this.#helloId);
  }

  get sealer(): Sealer {
    return (this.#sealer ??= createSealer(AES_128, this.#secretOf(this.#isClient)));
  }

  get opener(): Opener {
    return (this.#opener ??= createOpener(AES_128, this.#secretOf(!this.#isClient)));
  }

  #secretOf(isClient: boolean): Uint8Array {
    const label = isClient ? KeyLabel.CLIENT_HELLO : KeyLabel.SERVER_HELLO;
    this.#secret ??= initialSecret(this.#helloId);
    return expandLabel(AES_128, this.#secret, label, AES_128.hashBytes);
  }
}

function initialSecret(input: Uint8Array): Uint8Array {
  return createHmac(AES_128.hash, HELLO_SALT).update(input).digest();
}

/**
 * [HDR-9] As RFC 9001 §5.8: under one key for all, which need not be derived for each stranger, with the ID that the hello went
 * to before the packet.
 */
function retryProtection(helloId: Uint8Array): Protection {
  const { sealer, opener } = (retryKeys ??= retryKeysOf());
  const before = helloId.length;
  return {
    sealer: {
      overhead: TAG_BYTES,
      seal(packetNumber, buffer, headerStart, payloadStart, payloadEnd) {
        const packet = new Uint8Array(before + payloadEnd - headerStart + TAG_BYTES);
        packet.set(helloId);
        packet.set(buffer.subarray(headerStart, payloadEnd), before);
        const shift = before - headerStart;
        sealer.seal(packetNumber, packet, 0, payloadStart + shift, payloadEnd + shift);
        buffer.set(packet.subarray(payloadStart + shift), payloadStart);
        return payloadEnd + TAG_BYTES;
      },
    },
    opener: {
      overhead: TAG_BYTES,
      isInPlace: false,
      open(packetNumber, buffer, headerStart, payloadStart, packetEnd) {
        const packet = new Uint8Array(before + packetEnd - headerStart);
        packet.set(helloId);
        packet.set(buffer.subarray(headerStart, packetEnd), before);
        const shift = before - headerStart;
        return opener.open(packetNumber, packet, 0, payloadStart + shift, packetEnd + shift);
      },
    },
  };
}

function retryKeysOf(): Protection {
  const secret = expandLabel(AES_128, initialSecret(new Uint8Array(0)), KeyLabel.RETRY, AES_128.hashBytes);
  return { sealer: createSealer(AES_128, secret), opener: createOpener(AES_128, secret) };
}

let retryKeys: Protection | undefined;

/** RFC 8446 §7.1, with an empty context. One block of HKDF is enough for what is asked for here. */
export function expandLabel(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  length: number,
): Uint8Array {
  const fullLabel = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([
    Buffer.from([length >> 8, length & 0xff, fullLabel.length]),
    fullLabel,
    Buffer.from([0, 1]),
  ]);
  const block = createHmac(suite.hash, secret).update(info).digest();
  const expanded = new Uint8Array(block.subarray(0, length));
  block.fill(0);
  return expanded;
}

/** [KEY-2] */
function derivePacketKey(
  suite: CipherSuite,
  secret: Uint8Array,
): { readonly key: KeyObject; readonly iv: Uint8Array } {
  const keyBytes = expandLabel(suite, secret, KeyLabel.KEY, suite.keyBytes);
  const key = createSecretKey(keyBytes);
  keyBytes.fill(0);
  return { key, iv: expandLabel(suite, secret, KeyLabel.IV, IV_BYTES) };
}

/** [KEY-3] */
function writeNonce(nonce: Uint8Array, iv: Uint8Array, packetNumber: number): void {
  nonce.set(iv);
  let rest = packetNumber;
  for (let i = IV_BYTES - 1; rest > 0; i--) {
    nonce[i] = (nonce[i] ?? 0) ^ (rest & 0xff);
    rest = Math.floor(rest / 256);
  }
}

/** The types of Node tell its kinds of AEAD apart, where its functions treat all three alike. */
function nodeCipherName({ cipher }: CipherSuite): CipherGCMTypes {
  return cipher as CipherGCMTypes;
}

/** [KEY-9] Of AES-GCM, and here of all: 2^23 (RFC 9001 §6.6), less what is kept back for a CLOSE and its repetitions. */
const PACKET_LIMIT = 2 ** 23 - 10_000;
export const IV_BYTES = 12;
export const TAG_BYTES = 16;
const AEAD_OPTIONS = { authTagLength: TAG_BYTES };
/** Only CCM asks for one. */
const UNUSED_AAD_OPTIONS = { plaintextLength: 0 };
/** The first 20 bytes of SHA-256("udprpc hello 1"). */
export const HELLO_SALT = Uint8Array.of(
  0x1f,
  0x54,
  0x7d,
  0xc5,
  0x4a,
  0x00,
  0xbb,
  0x8a,
  0x3b,
  0x8a,
  0x86,
  0x7b,
  0xc7,
  0x75,
  0x49,
  0x8e,
  0x89,
  0xc1,
  0x16,
  0x50,
);
