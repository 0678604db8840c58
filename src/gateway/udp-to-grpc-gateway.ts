/**
 * A gateway that serves calls over UDP and makes them over gRPC: a server of ours without a service, which passes every method
 * on to a gRPC server.
 */
import { channelContext } from '../driver/tls-options.js';
import { createServer, type Server, type ServerOptions, type ShutdownOptions } from '../index.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../rpc/framing/unit.js';
import { type Gateway } from './gateway.js';
import { GrpcServerLink, type GrpcServerTlsOptions } from './grpc-server-link.js';
import { parseHttp2Target } from './http2-address.js';
import { carryToGrpc } from './udp-to-grpc-call.js';

/** Whom the gateway calls over HTTP/2, and how it listens for UDP clients. */
export interface UdpToGrpcGatewayOptions {
  /** `http://host:port` of the gRPC server, by prior knowledge, or `https://host:port`. */
  readonly target: string;
  /**
   * What UDP clients meet: TLS, limits. `maxReceiveMessageBytes` and `maxSendMessageBytes` (default 4 MiB),
   * `maxReceiveMetadataBytes` and `maxSendMetadataBytes` (default 8,192) are those of the gateway's calls.
   */
  readonly server?: ServerOptions | undefined;
  /** Whom to trust, and who we are, where the target is `https://`. Default: the authorities that Node knows, and nobody. */
  readonly tls?: GrpcServerTlsOptions | undefined;
  /** Call a gRPC server without TLS beyond this machine. Default false. */
  readonly insecure?: boolean | undefined;
}

/**
 * Gives UDP clients the methods of a gRPC server of any language: `createUdpToGrpcGateway({ target }).listen('127.0.0.1:5005')`.
 * Costs nothing before that. Throws TargetError and TlsOptionsError.
 */
export function createUdpToGrpcGateway(options: UdpToGrpcGatewayOptions): Gateway {
  const { target, server, tls, insecure = false } = options;
  const address = parseHttp2Target(target, insecure);
  // What is wrong with it is said here, and not with the first call.
  if (tls !== undefined) channelContext(tls);
  const maxBytes = server?.maxSendMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  return new UdpToGrpcGateway(createServer(server), new GrpcServerLink(address, tls), maxBytes);
}

class UdpToGrpcGateway implements Gateway {
  readonly #server: Server;
  readonly #link: GrpcServerLink;
  #shutdown: Promise<void> | undefined;

  constructor(server: Server, link: GrpcServerLink, maxBytes: number) {
    this.#server = server;
    this.#link = link;
    server.addUnknownMethodHandler((path, request, context) =>
      carryToGrpc(link, maxBytes, path, request, context),
    );
  }

  listen(address: string): Promise<number> {
    return this.#server.listen(address);
  }

  shutdown(options?: ShutdownOptions): Promise<void> {
    // Also for its shorter grace, where it was called before.
    const drained = this.#server.shutdown(options);
    this.#shutdown ??= drained.then(() => this.#link.close());
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
