/**
 * Gives the plaintext handshake keys that follow each other, without TLS: what each side seals with depends on what
 * both have said, as there, and whoever has listened can make the same. For tests and simulated networks of what
 * protects packets; nothing here is a secret.
 */
import { createHash } from 'node:crypto';
import { CIPHER_SUITES, createOpener, createSealer } from '../../src/driver/packet-keys.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
} from '../../src/transport/protection/handshake.js';
import { type Checksum, createPlaintextProtection } from '../../src/transport/protection/plaintext.js';
import { type Opener, type Sealer } from '../../src/transport/protection/protection.js';

/** What protects the packets of one side. `subject`: the bytes that it has said and heard, as [PRT-6] has it. */
export interface PacketKeys {
  sealer(subject: Uint8Array): Sealer;
  opener(subject: Uint8Array): Opener;
}

export interface KeyLimits {
  readonly packetLimit?: number;
  readonly forgeryLimit?: number;
}

/** `inner`: a plaintext handshake, each side of which says one thing. */
export function createKeyedHandshake(inner: CreateHandshake, keys: PacketKeys): CreateHandshake {
  return (context) => new KeyedHandshake(inner(context), keys, context);
}

/** The AEAD of the driver. `suite`: its name in RFC 8446 §B.4. */
export function aeadKeys(suite: string): PacketKeys {
  const known = CIPHER_SUITES.get(suite);
  if (known === undefined) throw new Error(`no cipher suite ${suite}`);
  const secret = (subject: Uint8Array): Uint8Array =>
    createHash('sha512').update(subject).digest().subarray(0, known.hashBytes);
  return {
    sealer: (subject) => createSealer(known, secret(subject)),
    opener: (subject) => createOpener(known, secret(subject)),
  };
}

/** Cheap: a checksum that the generation is part of. */
export function checksumKeys(checksum: Checksum, limits: KeyLimits = {}): PacketKeys {
  const generation = (subject: Uint8Array, number: number): { sealer: Sealer; opener: Opener } => {
    const { sealer, opener } = createPlaintextProtection(checksum, Uint8Array.of(...subject, number % 256));
    const { packetLimit, forgeryLimit } = limits;
    return {
      sealer: {
        ...sealer,
        ...(packetLimit !== undefined && { packetLimit }),
        next: () => generation(subject, number + 1).sealer,
      },
      opener: {
        ...opener,
        ...(forgeryLimit !== undefined && { forgeryLimit }),
        next: () => generation(subject, number + 1).opener,
      },
    };
  };
  return {
    sealer: (subject) => generation(subject, 0).sealer,
    opener: (subject) => generation(subject, 0).opener,
  };
}

class KeyedHandshake implements Handshake {
  readonly #inner: Handshake;
  readonly #keys: PacketKeys;
  readonly #role: HandshakeContext['role'];
  #said: Uint8Array = new Uint8Array(0);
  #heard: Uint8Array = new Uint8Array(0);

  constructor(inner: Handshake, keys: PacketKeys, { role }: HandshakeContext) {
    this.#inner = inner;
    this.#keys = keys;
    this.#role = role;
  }

  start(): void {
    this.#inner.start();
  }

  onBytes(bytes: Uint8Array): void {
    this.#heard = Uint8Array.of(...this.#heard, ...bytes);
    this.#inner.onBytes(bytes);
  }

  pollEvent(): HandshakeEvent | undefined {
    const event = this.#inner.pollEvent();
    switch (event?.kind) {
      case 'bytes':
        this.#said = Uint8Array.of(...this.#said, ...event.bytes);
        return event;
      case 'sealer':
        return { kind: 'sealer', sealer: this.#keys.sealer(this.#subjectOf(this.#role)) };
      case 'opener':
        return {
          kind: 'opener',
          opener: this.#keys.opener(this.#subjectOf(this.#role === 'client' ? 'server' : 'client')),
        };
      default:
        return event;
    }
  }

  dispose(): void {
    this.#inner.dispose();
  }

  #subjectOf(sender: HandshakeContext['role']): Uint8Array {
    const [client, server] = this.#role === 'client' ? [this.#said, this.#heard] : [this.#heard, this.#said];
    return sender === 'client' ? client : Uint8Array.of(...client, ...server);
  }
}
