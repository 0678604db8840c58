/**
 * TLS of all connections of a server: its certificate, whom it lets in, and the keys of its tickets. node:tls tells a
 * server's events of all sockets in one place, and does not say which handshake they are of: each runs in an async
 * context of its own, by which they are known. On Node 20 that makes every promise of the process dearer, so it is only
 * while there is a handshake.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type SecureContext } from '../rpc/stream-transport.js';
import { type CreateHandshake } from '../transport/protection/handshake.js';
import { emitWarning } from './emit-warning.js';
import { type HandshakeDuplex } from './handshake-duplex.js';
import { KeyLog } from './key-log.js';
import { describeClientRefusal, NO_CLIENT_CERTIFICATE } from './tls-error.js';
import { FIXED_OPTIONS, TlsHandshake } from './tls-handshake.js';
import { checkServerTls, type ServerTlsOptions } from './tls-options.js';

export class TlsServerSide {
  readonly #server: Server;
  readonly #asksForCertificate: boolean;
  readonly #keyLog: KeyLog | undefined;
  readonly #handshakes = new AsyncLocalStorage<TlsHandshake>();
  /** How many of them TLS has not judged. */
  #undecidedCount = 0;

  /** `warn` gets lines for the person who runs the server. */
  constructor(options: ServerTlsOptions, warn: (line: string) => void = emitWarning) {
    const { keyLogFile } = options;
    this.#asksForCertificate = options.requestCert ?? false;
    this.#keyLog = keyLogFile === undefined ? undefined : new KeyLog(keyLogFile, warn);
    this.#server = createServer({ ...options, ...FIXED_OPTIONS, sessionIdContext: sessionContext(options) });
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      const handshake = this.#handshakes.getStore();
      if (handshake === undefined) socket.destroy();
      else this.#onSecure(socket, handshake);
    });
    this.#server.on('tlsClientError', (error, socket) => {
      this.#handshakes.getStore()?.fail(describeClientRefusal(error, socket.authorizationError));
    });
  }

  /**
   * For the connections that come from now on, in the place of what there was; those that are, stay. Tickets given
   * before are worth nothing. Throws TlsOptionsError, and changes nothing then.
   */
  setSecureContext(context: SecureContext): void {
    // The types of Node want Buffers where it takes any Uint8Array.
    const options = { ...context, requestCert: this.#asksForCertificate } as ServerTlsOptions;
    checkServerTls(options);
    this.#server.setSecureContext({ ...options, sessionIdContext: sessionContext(options) });
  }

  readonly createHandshake: CreateHandshake = (context) => {
    const startTls = (duplex: HandshakeDuplex, handshake: TlsHandshake): void => {
      this.#handshakes.run(handshake, () => this.#server.emit('connection', duplex));
    };
    this.#undecidedCount++;
    return new TlsHandshake(context, startTls, this.#keyLog, () => {
      if (--this.#undecidedCount === 0) this.#handshakes.disable();
    });
  };

  #onSecure(socket: TLSSocket, handshake: TlsHandshake): void {
    const certificate = this.#asksForCertificate ? socket.getPeerX509Certificate() : undefined;
    // [TLS-3] A ticket of a server that asked for none is no certificate.
    if (this.#asksForCertificate && (certificate === undefined || !socket.authorized)) {
      handshake.fail(NO_CLIENT_CERTIFICATE);
      return;
    }
    handshake.onSecure(socket, certificate);
  }
}

/** Tickets are good only where clients are judged by the same authorities. */
function sessionContext({ ca, requestCert = false }: ServerTlsOptions): string {
  const hash = createHash('sha256').update(`udprpc ${requestCert}`);
  for (const authority of [ca ?? []].flat()) hash.update('\0').update(authority);
  return hash.digest('hex').slice(0, 32);
}
