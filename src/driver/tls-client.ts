/**
 * TLS of a channel's connections: whom they trust, and the ticket of the last one, which spares the next the server's
 * certificate and signature. Tickets stay here, where name, port, authorities, fingerprints and our own identity are
 * always the same: a resumed session is not verified again, neither by name nor by authority.
 */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type CreateHandshake } from '../transport/protection/handshake.js';
import { emitWarning } from './emit-warning.js';
import { type HandshakeDuplex } from './handshake-duplex.js';
import { KeyLog } from './key-log.js';
import { describeTlsError } from './tls-error.js';
import { FIXED_OPTIONS, TlsHandshake } from './tls-handshake.js';
import { channelContext, type ChannelTlsOptions, fingerprintsOf, nameOptions } from './tls-options.js';

export interface TlsClientOptions {
  /** What the server's certificate must be for, unless `tls.servername` says so: a name or an IP address. */
  readonly host: string;
  readonly tls?: ChannelTlsOptions;
}

export class TlsClientSide {
  readonly #options: ConnectionOptions;
  readonly #fingerprints: readonly string[];
  readonly #keyLog: KeyLog | undefined;
  #session: Buffer | undefined;

  /** Throws TlsOptionsError. */
  constructor({ host, tls = {} }: TlsClientOptions) {
    const { servername = host } = tls;
    this.#fingerprints = fingerprintsOf(tls);
    this.#keyLog = tls.keyLogFile === undefined ? undefined : new KeyLog(tls.keyLogFile, emitWarning);
    this.#options = {
      secureContext: channelContext(tls),
      ...FIXED_OPTIONS,
      ...nameOptions(servername),
      // A certificate whose fingerprint is known needs nobody to vouch for it; see `#onSecure`.
      ...(this.#fingerprints.length > 0 && { rejectUnauthorized: false }),
    };
  }

  readonly createHandshake: CreateHandshake = (context) => {
    const startTls = (duplex: HandshakeDuplex, handshake: TlsHandshake): void => {
      const session = this.#session;
      const socket = connect({ ...this.#options, session, socket: duplex });
      socket.once('secureConnect', () => {
        this.#onSecure(socket, handshake);
      });
      socket.on('error', (error) => {
        // It may have been about the ticket.
        if (this.#session === session) this.#session = undefined;
        handshake.fail(describeTlsError(error, socket.authorizationError));
      });
    };
    return new TlsHandshake(context, startTls, this.#keyLog);
  };

  #onSecure(socket: TLSSocket, handshake: TlsHandshake): void {
    // A session that is resumed was known when it began, and shows no certificate.
    if (this.#fingerprints.length > 0 && !socket.isSessionReused()) {
      const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
      if (fingerprint === undefined || !this.#fingerprints.includes(fingerprint)) {
        handshake.fail({
          reason: `the server's certificate is another one than tls.fingerprint256 names: its fingerprint is ${String(fingerprint)}`,
          isUntrusted: true,
        });
        return;
      }
    }
    let ticketCount = 0;
    socket.on('session', (session) => {
      this.#session = session;
      if (++ticketCount === TICKETS) handshake.endTls();
    });
    handshake.onSecure(socket);
  }
}

/** What OpenSSL's server gives after a handshake that was not resumed. */
const TICKETS = 2;
