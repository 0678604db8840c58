/**
 * The gateway's connection to a gRPC server: one HTTP/2 session, made with the first call and again after it has ended or the
 * server has said GOAWAY. A call gets a stream only of a session that stands, so what fails before is certain not to have
 * run. Streams above the server's limit wait inside of Node.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { Status } from 'nice-grpc-common';
import { formatAddress } from '../driver/target.js';
import { type ChannelTlsOptions } from '../driver/tls-options.js';
import { GatewayError } from './grpc-status.js';
import { type Http2Address } from './http2-address.js';
import { MAX_SESSION_MEMORY_MB, SESSION_SETTINGS, SESSION_WINDOW_BYTES } from './http2-settings.js';

/** Each as in `tls.connect` of Node. */
export type GrpcServerTlsOptions = Pick<
  ChannelTlsOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'servername'
>;

export interface GrpcStream {
  readonly stream: ClientHttp2Stream;
  /** Which the stream itself does not know any more once it has closed. */
  readonly connection: GrpcConnection;
}

export interface GrpcConnection {
  readonly session: ClientHttp2Session;
  /** What GOAWAY says: streams above it were not looked at. Before: Infinity. */
  lastStreamId: number;
}

export class GrpcServerLink {
  readonly #url: string;
  readonly #tls: GrpcServerTlsOptions;
  /** All that still have calls; the last of them may take more. */
  readonly #sessions = new Set<ClientHttp2Session>();
  #current: Promise<GrpcConnection> | undefined;
  #isClosed = false;

  constructor({ isSecure, host, port }: Http2Address, tls: GrpcServerTlsOptions = {}) {
    this.#url = `${isSecure ? 'https' : 'http'}://${formatAddress(host, port)}`;
    this.#tls = tls;
  }

  /** A stream whose header was sent. Rejects with a GatewayError that says `notStarted`. */
  async open(fields: OutgoingHttpHeaders): Promise<GrpcStream> {
    const connection = await this.#connection();
    try {
      return { stream: connection.session.request(fields), connection };
    } catch (error) {
      // It has ended between two turns.
      throw this.#unavailable(error);
    }
  }

  /** Resolves when the calls have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(
      [...this.#sessions].map(
        (session) =>
          new Promise<void>((resolve) => {
            session.once('close', resolve);
            if (session.connecting) session.destroy();
            else session.close();
          }),
      ),
    );
  }

  #connection(): Promise<GrpcConnection> {
    if (this.#isClosed) throw this.#unavailable(new Error('the gateway is shutting down'));
    this.#current ??= this.#connect();
    return this.#current;
  }

  #connect(): Promise<GrpcConnection> {
    const session = connect(this.#url, {
      ...this.#tls,
      settings: SESSION_SETTINGS,
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
    });
    this.#sessions.add(session);
    const connection = { session, lastStreamId: Infinity };
    const connected = new Promise<GrpcConnection>((resolve, reject) => {
      const timer = setTimeout(() => {
        session.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`));
      }, CONNECT_TIMEOUT_MS);
      session.once('connect', (_session, socket) => {
        clearTimeout(timer);
        // Its last call has ended: Node would wait until the server closes its half too.
        socket.once('finish', () => socket.destroy());
        if (session.encrypted === true && session.alpnProtocol !== 'h2') {
          session.destroy(new Error('it does not speak HTTP/2 (ALPN h2)'));
          return;
        }
        session.setLocalWindowSize(SESSION_WINDOW_BYTES);
        resolve(connection);
      });
      session.on('error', (error) => {
        reject(this.#unavailable(error));
      });
      session.once('close', () => {
        clearTimeout(timer);
        this.#sessions.delete(session);
        reject(this.#unavailable(new Error('the connection was closed')));
        this.#leave(connected);
      });
    });
    // The server takes no more calls there. Node closes it with the last of those that it has.
    session.on('goaway', (_code: number, lastStreamId: number) => {
      connection.lastStreamId = lastStreamId;
      this.#leave(connected);
    });
    // Between calls nothing of it keeps the process.
    connected.catch(() => undefined);
    return connected;
  }

  #leave(connected: Promise<GrpcConnection>): void {
    if (this.#current === connected) this.#current = undefined;
  }

  #unavailable(error: unknown): GatewayError {
    return new GatewayError(Status.UNAVAILABLE, `${this.#url}: ${describe(error)}`, true);
  }
}

function describe(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // Of several addresses tried, Node says each; the first will do.
  const text = message === '' ? code : message;
  const hint = HINTS.get(code);
  return hint === undefined ? `the gateway cannot reach the gRPC server: ${text}` : `${hint} (${code})`;
}

const HINTS = new Map([
  ['ECONNREFUSED', 'no gRPC server listens there: start it, or give the gateway another target'],
  ['ENOTFOUND', 'no such host: give the gateway another target'],
  ['EHOSTUNREACH', 'no way leads to this host'],
  ['ENETUNREACH', 'no way leads to this network'],
  [
    'ERR_HTTP2_ERROR',
    'what listens there speaks no HTTP/2: with TLS the target is https://, without http://',
  ],
  [
    'ECONNRESET',
    'the connection was closed by the other side: with TLS the target is https://, without http://',
  ],
]);

const CONNECT_TIMEOUT_MS = 10_000;
