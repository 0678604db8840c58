/**
 * A stream in memory for node:tls to run on: what TLS writes goes to whoever owns this, what the peer's TLS wrote is put
 * in with `receive`. Takes writes at once, so that OpenSSL never waits; bounded by what a handshake may say.
 */
import { Duplex } from 'node:stream';

export interface HandshakeDuplexOwner {
  /** The memory is the callee's. */
  onTlsBytes(bytes: Uint8Array): void;
  /** TLS gave up, or said more than a handshake may. Not called after `destroy`. */
  onTlsClosed(): void;
}

export class HandshakeDuplex extends Duplex {
  readonly #owner: HandshakeDuplexOwner;
  #writtenBytes = 0;

  constructor(owner: HandshakeDuplexOwner) {
    super({ allowHalfOpen: false });
    this.#owner = owner;
    this.on('close', () => {
      owner.onTlsClosed();
    });
    this.on('error', () => undefined);
  }

  receive(bytes: Uint8Array): void {
    if (!this.destroyed) this.push(bytes);
  }

  override _read(): void {
    // Bytes come when they come.
  }

  override _write(
    chunk: Uint8Array,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    this.#writtenBytes += chunk.length;
    if (this.#writtenBytes > MAX_HANDSHAKE_BYTES) {
      callback(new Error(`a TLS handshake of more than ${MAX_HANDSHAKE_BYTES} bytes`));
      return;
    }
    // A copy: after the callback the memory is the writer's again.
    this.#owner.onTlsBytes(new Uint8Array(chunk));
    callback();
  }
}

const MAX_HANDSHAKE_BYTES = 65_536;
