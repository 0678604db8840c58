/**
 * The methods that a server offers, by the path that the wire names them with. Each is made once, with its middleware
 * around its handler, so that a call looks up one entry and nothing else.
 */
import { type CallContext, type MethodDescriptor, type ServerMiddleware } from 'nice-grpc-common';
import { checkNumbers, type NumberRules } from '../../base/number-options.js';
import { type RequestHeader } from '../framing/request-header.js';
import { MessageEncoder } from '../message-encoder.js';
import { methodPath, type MethodDefinition, type ServiceDefinition } from '../service-definition.js';
import { type RequestContext } from './call-context.js';
import { throughMiddleware } from './handler-invocation.js';

/**
 * Runs a method. `request`: a message, or an iterable of them. It returns a message or the promise of one, or an
 * iterable of them.
 */
export type Handler = (request: unknown, context: CallContext) => unknown;

/**
 * Runs every method that no service of the server has: bytes in, bytes out, both sides streams, as on the wire all methods
 * are. `path` has no slash before it.
 */
export type UnknownMethodHandler = (
  path: string,
  request: AsyncIterable<Uint8Array>,
  context: CallContext & RequestContext,
) => AsyncIterable<Uint8Array>;

/** For one method, where it differs from the server's own options. */
export interface MethodLimits {
  readonly maxReceiveMessageBytes?: number | undefined;
  readonly maxSendMessageBytes?: number | undefined;
}

/** By the names of the implementation, and under `*` for all methods of the service; a method's own come first. */
export type ServiceLimits<Service extends ServiceDefinition = ServiceDefinition> = {
  readonly [Name in keyof Service['methods'] | '*']?: MethodLimits | undefined;
};

export interface ServedMethod {
  /** `image.v1.ImageService/GetChunk`; `descriptor.path` has the slash before it. */
  readonly path: string;
  readonly descriptor: MethodDescriptor;
  /** Running it twice does no harm, says the `.proto`. */
  readonly isIdempotent: boolean;
  /** Its request or its response is a stream. */
  readonly isStreaming: boolean;
  /** Undefined: the implementation has no such method. */
  readonly handler: Handler | undefined;
  readonly limits: MethodLimits;
  /** These throw what the codec throws. */
  decode(bytes: Uint8Array): unknown;
  encode(response: unknown): readonly Uint8Array[];
}

export class ServiceRegistry {
  readonly #methods = new Map<string, ServedMethod>();
  readonly #services = new Set<string>();
  #unknownMethodHandler: UnknownMethodHandler | undefined;

  get isEmpty(): boolean {
    return this.#services.size === 0;
  }

  /** Throws Error when the service is there already, RangeError for a limit that cannot be. */
  add(
    service: ServiceDefinition,
    implementation: object,
    middleware: ServerMiddleware | undefined,
    limits: ServiceLimits = {},
  ): void {
    if (this.#services.has(service.fullName)) {
      throw new Error(`service ${service.fullName} was already added to this server`);
    }
    const byName: Readonly<Record<string, MethodLimits | undefined>> = limits;
    for (const [name, own] of Object.entries(byName)) {
      const isKnown = name === '*' || Object.hasOwn(service.methods, name);
      if (!isKnown) throw new RangeError(`service ${service.fullName} has no method ${name} to limit`);
      checkNumbers(own ?? {}, LIMIT_RULES, `${name}.`);
    }
    this.#services.add(service.fullName);
    for (const [name, method] of Object.entries(service.methods)) {
      const handler = handlerOf(implementation, name);
      const own = { ...byName['*'], ...byName[name] };
      const served = servedMethodOf(service, method, handler, middleware, own);
      this.#methods.set(served.path, served);
    }
  }

  find(path: string): ServedMethod | undefined {
    return this.#methods.get(path);
  }

  /** Throws Error when there is one already. */
  setUnknownMethodHandler(handler: UnknownMethodHandler): void {
    if (this.#unknownMethodHandler !== undefined) throw new Error('unknown methods have a handler already');
    this.#unknownMethodHandler = handler;
  }

  /**
   * For a path that is not found, where there is a handler for those: made for the call. Nobody here has the method's definition, so
   * that its client's counts [RPC-17]: in a first flight it sends nothing else than what may run twice [RPC-11].
   */
  unknownMethod(
    { path, isDeclaredIdempotent }: RequestHeader,
    isFirstFlight: boolean,
  ): ServedMethod | undefined {
    const handler = this.#unknownMethodHandler;
    if (handler === undefined) return undefined;
    return {
      path,
      descriptor: { path: `/${path}`, requestStream: true, responseStream: true, options: {} },
      isIdempotent: isFirstFlight || isDeclaredIdempotent,
      isStreaming: true,
      handler: (request, context) =>
        handler(path, request as AsyncIterable<Uint8Array>, context as CallContext & RequestContext),
      limits: NO_LIMITS,
      decode: (bytes) => bytes,
      encode: (response) => [response as Uint8Array],
    };
  }

  /** For a person: why a path has no method, or a method no handler. */
  explainMissing(path: string): string {
    if (this.#methods.has(path)) return `/${path}: the server's implementation has no such method`;
    const service = path.slice(0, Math.max(0, path.indexOf('/')));
    if (this.#services.has(service)) return `/${path}: service ${service} has no such method`;
    return `/${path}: the server does not offer service ${service === '' ? path : service}`;
  }
}

function servedMethodOf(
  service: ServiceDefinition,
  method: MethodDefinition,
  implementation: Handler | undefined,
  middleware: ServerMiddleware | undefined,
  limits: MethodLimits,
): ServedMethod {
  const { requestType, responseType } = method;
  const path = methodPath(service, method);
  const { idempotencyLevel } = method.options;
  const descriptor: MethodDescriptor = {
    path: `/${path}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    options: idempotencyLevel === undefined ? {} : { idempotencyLevel },
  };
  const encoder = new MessageEncoder(responseType);
  const wrap = (handler: Handler): Handler =>
    middleware === undefined ? handler : throughMiddleware(middleware, descriptor, handler);
  return {
    path,
    descriptor,
    isIdempotent: idempotencyLevel === 'NO_SIDE_EFFECTS' || idempotencyLevel === 'IDEMPOTENT',
    isStreaming: method.requestStream || method.responseStream,
    handler: implementation === undefined ? undefined : wrap(implementation),
    limits,
    decode: (bytes) => requestType.decode(bytes),
    encode: (response) => encoder.encode(response),
  };
}

/** Bound to its object, so that instances of classes keep their `this`. */
function handlerOf(implementation: object, name: string): Handler | undefined {
  const method: unknown = Reflect.get(implementation, name);
  return typeof method === 'function' ? (method.bind(implementation) as Handler) : undefined;
}

const NO_LIMITS: MethodLimits = {};

const LIMIT_RULES: NumberRules<MethodLimits> = {
  maxReceiveMessageBytes: { min: 0, unit: 'bytes' },
  maxSendMessageBytes: { min: 0, unit: 'bytes' },
};
