/**
 * A server as its user holds it: services and middleware are added, then it listens, then it shuts down, once each and
 * in that order. The calls themselves are the business of ServerConnection and ServerCall. The API is nice-grpc's; what
 * is more here are the events, `graceMs`, and contexts that carry a request ID and a deadline.
 */
import { EventEmitter } from 'eventemitter3';
import { composeServerMiddleware, type ServerMiddleware } from 'nice-grpc-common';
import { type ConnectionClosed } from '../../transport/transport-error.js';
import { CloseCode } from '../framing/reset-code.js';
import { type RpcEnvironment } from '../rpc-environment.js';
import { type ServiceDefinition, type ServiceImplementation } from '../service-definition.js';
import {
  type Acceptor,
  type Listening,
  type SecureContext,
  type StreamListener,
  type StreamTransport,
} from '../stream-transport.js';
import { type RequestContext } from './call-context.js';
import { ServerConnection } from './server-connection.js';
import { resolveServerOptions, type ServerOptions } from './server-options.js';
import { type CallEnd, type HandlerError, ServerRuntime } from './server-runtime.js';
import { type ServerStats } from './server-stats.js';
import { type ServiceLimits, ServiceRegistry, type UnknownMethodHandler } from './service-registry.js';
import { Shutdown, type ShutdownReport } from './shutdown.js';

/** Events of a server, for `server.on(…)`. */
export interface ServerEvents {
  /** `listen` has succeeded. */
  listening: (listening: { readonly port: number; readonly addresses: readonly string[] }) => void;
  /** A client has begun a connection; its handshake may not be over. */
  connection: (connection: { readonly peer: string }) => void;
  /** It has ended, for whatever reason. */
  connectionClosed: (connection: { readonly peer: string; readonly closed: ConnectionClosed }) => void;
  /** A call has ended, however. Nothing is done for it while nobody listens. */
  call: (call: CallEnd) => void;
  /** A handler threw what is neither a ServerError nor an AbortError, or answered with what cannot be sent. */
  handlerError: (error: HandlerError) => void;
  /** `shutdown` has begun. */
  draining: () => void;
  /** The last event. */
  closed: () => void;
}

/** How a server ends. */
export interface ShutdownOptions {
  /** How long calls that run may go on before they are aborted. Default 30,000; 0 aborts at once. */
  readonly graceMs?: number | undefined;
}

/** `ContextExt`: what the middleware that was used so far adds to the contexts of handlers. */
export class Server<ContextExt = object> extends EventEmitter<ServerEvents> {
  readonly #acceptor: Acceptor;
  readonly #environment: RpcEnvironment;
  readonly #registry = new ServiceRegistry();
  readonly #runtime: ServerRuntime;
  readonly #connections = new Set<ServerConnection>();
  readonly #shutdown: Shutdown;
  #middleware: ServerMiddleware | undefined;
  #isListening = false;
  #listening: Listening | undefined;

  constructor(acceptor: Acceptor, environment: RpcEnvironment, options: ServerOptions = {}) {
    super();
    this.#acceptor = acceptor;
    this.#environment = environment;
    this.#runtime = new ServerRuntime(
      environment,
      resolveServerOptions(options),
      this.#registry,
      this.#observer(),
    );
    this.#shutdown = new Shutdown(environment.clock, this.#runtime, this.#connections, {
      onDraining: () => {
        this.#tell('draining');
      },
      onClosed: () => {
        this.#tell('closed');
      },
    });
  }

  /**
   * Puts a middleware around the handlers of all services; the one that was used first is outermost. Before services
   * are added. Returns this same server, typed with what the middleware adds to contexts.
   */
  use<Ext>(middleware: ServerMiddleware<Ext, ContextExt & RequestContext>): Server<ContextExt & Ext> {
    if (this.#isListening) throw new Error('server.use() must be used before listen()');
    if (!this.#registry.isEmpty) throw new Error('server.use() must be used before adding any services');
    this.#middleware = compose(this.#middleware, middleware);
    return this as unknown as Server<ContextExt & Ext>;
  }

  /** For the one service that is added to what it returns: `server.with(middleware).add(Definition, implementation)`. */
  with<Ext>(
    middleware: ServerMiddleware<Ext, ContextExt & RequestContext>,
  ): ServerAddBuilder<ContextExt & Ext> {
    return this.#addBuilder(compose(this.#middleware, middleware));
  }

  /**
   * `implementation`: an object, or an instance of a class, with a method for each of the service. Methods that it does
   * not have are UNIMPLEMENTED. `limits`: by method, sizes that differ from the server's. Before `listen`. Throws when
   * the service was added before.
   */
  add<Service extends ServiceDefinition>(
    definition: Service,
    implementation: ServiceImplementation<Service, RequestContext & ContextExt>,
    limits?: ServiceLimits<Service>,
  ): void {
    this.#add(definition, implementation, this.#middleware, limits);
  }

  /** @internal For whatever no service that was added has. Without middleware. Before `listen`, once. */
  addUnknownMethodHandler(handler: UnknownMethodHandler): void {
    if (this.#isListening) throw new Error('addUnknownMethodHandler() must be used before listen()');
    this.#registry.setUnknownMethodHandler(handler);
  }

  /**
   * `address`: `host:port`, port 0 for any free one. Resolves to the port. Rejects when it cannot be listened on; then
   * it may be called again.
   */
  async listen(address: string): Promise<number> {
    if (this.#shutdown.hasBegun) throw new Error('the server was shut down and does not listen again');
    if (this.#isListening) throw new Error('server.listen() has already been called');
    this.#isListening = true;
    let listening: Listening;
    try {
      listening = await this.#acceptor.listen(address, this.#accept);
    } catch (error) {
      this.#isListening = false;
      throw error;
    }
    if (!this.#shutdown.mayListen(listening)) {
      await listening.close();
      throw new Error('the server was shut down before it listened');
    }
    this.#listening = listening;
    this.#tell('listening', { port: listening.port, addresses: listening.addresses });
    return listening.port;
  }

  /**
   * Shows clients that connect from now on another certificate; those that are connected stay. Throws when the server
   * speaks no TLS, and TlsOptionsError, changing nothing, when it cannot be used.
   */
  setSecureContext(context: SecureContext): void {
    if (this.#acceptor.setSecureContext === undefined) throw new Error('this server speaks no TLS');
    this.#acceptor.setSecureContext(context);
  }

  /** What it has counted so far. Takes 1 µs, and 0.05 µs for each open connection. */
  stats(): ServerStats {
    const { tally, openCalls, runningHandlers } = this.#runtime;
    return tally.stats(this.#connections, this.#listening, { calls: openCalls, runningHandlers });
  }

  /**
   * Starts no more calls (refused as UNAVAILABLE and certainly not started), waits for those that run, at most
   * `graceMs`, then answers the rest UNAVAILABLE and aborts their signals, and closes the connections as soon as the
   * answers have arrived, or after 1 s. Always resolves, to what became of the calls, also for a handler that never
   * settles. Called again it returns the same promise, and a shorter grace counts.
   */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    return this.#shutdown.begin(options.graceMs ?? DEFAULT_GRACE_MS);
  }

  /** `await using server = createServer()`: a shutdown with the default grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** Aborts every call and closes every connection now. What was not sent yet is lost. */
  forceShutdown(): void {
    this.#shutdown.force();
  }

  #add(
    definition: ServiceDefinition,
    implementation: object,
    middleware: ServerMiddleware | undefined,
    limits: ServiceLimits | undefined,
  ): void {
    if (this.#isListening) throw new Error('server.add() must be used before listen()');
    this.#registry.add(definition, implementation, middleware, limits);
  }

  #addBuilder<Ext>(middleware: ServerMiddleware): ServerAddBuilder<Ext> {
    return {
      with: (inner) => this.#addBuilder(compose(middleware, inner)),
      add: (definition, implementation, limits) => {
        this.#add(definition, implementation, middleware, limits);
      },
    };
  }

  readonly #accept = (transport: StreamTransport): StreamListener => {
    const connection = new ServerConnection(transport, this.#runtime, this.#onConnectionClosed);
    this.#connections.add(connection);
    this.#runtime.tally.connectionsAccepted++;
    // It was on its way when the server began to refuse.
    if (this.#shutdown.hasBegun) transport.close(CloseCode.SHUTDOWN, 'the server is shutting down');
    this.#tell('connection', { peer: transport.peer });
    return connection;
  };

  readonly #onConnectionClosed = (connection: ServerConnection, closed: ConnectionClosed): void => {
    this.#connections.delete(connection);
    this.#runtime.tally.onConnectionEnd(connection);
    this.#tell('connectionClosed', { peer: connection.transport.peer, closed });
  };

  #observer(): ConstructorParameters<typeof ServerRuntime>[3] {
    const wantsCallEnd = (): boolean => this.listenerCount('call') > 0;
    return {
      get wantsCallEnd() {
        return wantsCallEnd();
      },
      onCallEnd: (end) => {
        this.#tell('call', end);
      },
      onHandlerError: (error) => {
        this.#tell('handlerError', error);
      },
      onNoCalls: () => {
        this.#shutdown.onNoCalls();
      },
    };
  }

  /** A listener's mistake is its own: it surfaces as uncaught, and not in the middle of our work. */
  #tell<Name extends keyof ServerEvents>(name: Name, ...args: Parameters<ServerEvents[Name]>): void {
    try {
      (this.emit as (name: Name, ...args: Parameters<ServerEvents[Name]>) => boolean)(name, ...args);
    } catch (error) {
      this.#environment.clock.soon(() => {
        throw error;
      });
    }
  }
}

/** What `server.with` gives: middleware for the one service that is added to it. */
export interface ServerAddBuilder<ContextExt = object> {
  /** Another middleware, inside of those before. */
  with<Ext>(
    middleware: ServerMiddleware<Ext, ContextExt & RequestContext>,
  ): ServerAddBuilder<ContextExt & Ext>;
  /** As `server.add`. */
  add<Service extends ServiceDefinition>(
    definition: Service,
    implementation: ServiceImplementation<Service, RequestContext & ContextExt>,
    limits?: ServiceLimits<Service>,
  ): void;
}

/** What each asks of contexts, and adds to them, was checked where the user gave it. */
function compose<Ext, Required>(
  outer: ServerMiddleware | undefined,
  inner: ServerMiddleware<Ext, Required>,
): ServerMiddleware {
  const untyped = inner as unknown as ServerMiddleware;
  return outer === undefined ? untyped : composeServerMiddleware(outer, untyped);
}

/** As long as calls run by default. */
const DEFAULT_GRACE_MS = 30_000;
