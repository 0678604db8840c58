/**
 * What the runtime needs to know of a service, as structural types: the generic definitions of ts-proto fit, and so does
 * anything written by hand in the same shape. From a definition follow, by mapped types, the client that callers get and
 * the implementation that a server takes. Types only, but for the few functions that read a definition.
 */
import { type CallContext } from 'nice-grpc-common';

/** A service as generated code describes it: ts-proto's `generic-definitions`, or anything in the same shape. */
export interface ServiceDefinition {
  readonly name: string;
  /** With its package: `image.v1.ImageService`. */
  readonly fullName: string;
  /** By the names that a client's methods get. */
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** A method as generated code describes it. */
export interface MethodDefinition {
  /** As in the `.proto`: `GetChunk`. */
  readonly name: string;
  readonly requestType: MessageCodec;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec;
  readonly responseStream: boolean;
  readonly options: { readonly idempotencyLevel?: IdempotencyLevel | undefined };
}

/** What `option idempotency_level` of the `.proto` says; left out: not declared, so never silently run twice. */
export type IdempotencyLevel = 'NO_SIDE_EFFECTS' | 'IDEMPOTENT';

/** ts-proto 1.x and 2.x, static modules of protobufjs, or hand-written. `fromPartial` fills what a caller left out. */
export interface MessageCodec {
  /** `writer` is only given to codecs that write with the one of `@bufbuild/protobuf`. */
  encode(message: never, writer?: never): { finish(): Uint8Array };
  /** Throws for bytes that are no such message. */
  decode(bytes: Uint8Array): unknown;
  /** A whole message, with defaults for what is left out. */
  fromPartial?(partial: never): unknown;
}

/** What a method's callers and handlers are given. */
export type MessageOf<Codec extends MessageCodec> = ReturnType<Codec['decode']>;

/** What they may give: partial plain objects, where the codec can fill the rest. */
export type MessageInit<Codec extends MessageCodec> = Codec extends { fromPartial(partial: never): unknown }
  ? DeepPartial<MessageOf<Codec>>
  : MessageOf<Codec>;

/** Everything in it may be left out, at every depth; a 64-bit integer may also be a number or a decimal string. */
export type DeepPartial<T> = T extends bigint
  ? string | number | bigint
  : T extends Atom
    ? T
    : T extends readonly (infer Item)[]
      ? readonly DeepPartial<Item>[]
      : T extends { $case: string }
        ? { [Key in keyof Omit<T, '$case'>]?: DeepPartial<T[Key]> | undefined } & { $case: T['$case'] }
        : T extends object
          ? { [Key in keyof T]?: DeepPartial<T[Key]> | undefined }
          : Partial<T>;

type Atom = Date | ((...args: never[]) => unknown) | Uint8Array | string | number | boolean | undefined;

/** `Options` is what every call accepts. */
export type Client<Service extends ServiceDefinition, Options> = {
  -readonly [Name in keyof Service['methods']]: ClientMethod<Service['methods'][Name], Options>;
};

export type ClientMethod<Method extends MethodDefinition, Options> = (
  request: Inward<Method['requestStream'], MessageInit<Method['requestType']>>,
  options?: Options,
) => Outward<Method['responseStream'], MessageOf<Method['responseType']>>;

/** What a server is given for a service: an object, or an instance of a class, with a method for each. */
export type ServiceImplementation<Service extends ServiceDefinition, ContextExt = object> = {
  -readonly [Name in keyof Service['methods']]: MethodImplementation<Service['methods'][Name], ContextExt>;
};

/** A handler: what it is given, and what it answers with. */
export type MethodImplementation<Method extends MethodDefinition, ContextExt = object> = (
  request: Inward<Method['requestStream'], MessageOf<Method['requestType']>>,
  context: CallContext & ContextExt,
) => Method['responseStream'] extends true
  ? AsyncIterable<MessageInit<Method['responseType']>, void>
  : Promise<MessageInit<Method['responseType']>> | MessageInit<Method['responseType']>;

type Inward<IsStream extends boolean, Message> = IsStream extends true ? AsyncIterable<Message> : Message;
type Outward<IsStream extends boolean, Message> = IsStream extends true
  ? AsyncIterable<Message>
  : Promise<Message>;

/** `image.v1.ImageService/GetChunk`: how the wire names a method. Errors and middleware put a slash before it. */
export function methodPath(service: ServiceDefinition, method: MethodDefinition): string {
  return `${service.fullName}/${method.name}`;
}

/** The message with all that its codec fills in. */
export function wholeMessage(codec: MessageCodec, message: unknown): unknown {
  // The definition's mapped types have checked the message where the user gave it.
  return codec.fromPartial === undefined ? message : codec.fromPartial(message as never);
}
