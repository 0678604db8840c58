/**
 * A service of all four kinds whose messages are bytes, and a call of it, without a word of whether it goes by HTTP/2 or by UDP:
 * the same tests run on both, and on what lies between.
 */
import { type Metadata, type Status } from '../../../src/index.js';

export const SERVICE = 'bytes.v1.Bytes';

export const KINDS = [
  { kind: 'unary', name: 'Unary', requestStream: false, responseStream: false },
  { kind: 'server streaming', name: 'ServerStream', requestStream: false, responseStream: true },
  { kind: 'client streaming', name: 'ClientStream', requestStream: true, responseStream: false },
  { kind: 'bidirectional', name: 'Bidi', requestStream: true, responseStream: true },
] as const;

export type Kind = (typeof KINDS)[number];
export type KindName = Kind['name'];

/** How a call ended. */
export interface End {
  readonly code: number;
  readonly details: string;
  readonly trailer: Metadata;
}

/** A call as its client holds it. */
export interface ClientCall {
  /** Resolves with the first thing that comes. */
  readonly header: Promise<Metadata>;
  /** Ends without throwing, however the call ends. */
  readonly messages: AsyncIterable<Uint8Array>;
  readonly end: Promise<End>;
  cancel(): void;
}

export interface CallInit {
  readonly metadata?: Metadata;
  readonly timeoutMs?: number;
}

export interface ClientEnd {
  call(name: KindName, requests: AsyncIterable<Uint8Array> | Uint8Array[], init?: CallInit): ClientCall;
  close(): Promise<void>;
}

/** A call as its server holds it. */
export interface ServedCall {
  readonly kind: KindName;
  readonly metadata: Metadata;
  /** Throws when the client has left. */
  readonly requests: AsyncIterable<Uint8Array>;
  readonly deadline: Date | undefined;
  /** Aborted when the call is over for its client. */
  readonly signal: AbortSignal;
  readonly trailer: Metadata;
  sendHeader(header: Metadata): void;
}

/** Throws Failure to end it with a status. */
export type Behaviour = (call: ServedCall) => AsyncIterable<Uint8Array>;

export class Failure extends Error {
  readonly code: Status;
  readonly statusDetails: Uint8Array | undefined;

  constructor(code: Status, details: string, statusDetails?: Uint8Array) {
    super(details);
    this.code = code;
    this.statusDetails = statusDetails;
  }
}

export interface ServerEnd {
  readonly port: number;
  close(): Promise<void>;
}

export async function* iterate<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
): AsyncGenerator<Item, void, undefined> {
  yield* items;
}

/** A promise that the test resolves. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

/** Something that will have happened. */
export interface Occasion {
  readonly promise: Promise<undefined>;
  readonly happens: () => void;
}

export function occasion(): Occasion {
  const { promise, resolve } = deferred<undefined>();
  return {
    promise,
    happens: () => {
      resolve(undefined);
    },
  };
}

/** Reads to the end. */
export async function drain(messages: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

export function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** All messages of a call, and how it ended. */
export async function outcome(call: ClientCall): Promise<End & { readonly messages: Uint8Array[] }> {
  const messages: Uint8Array[] = [];
  for await (const message of call.messages) messages.push(message);
  return { ...(await call.end), messages };
}

/** For comparing: without what grpc-js and HTTP servers say in every call. */
export function entriesOf(metadata: Metadata): Record<string, readonly (string | Uint8Array)[]> {
  return Object.fromEntries(
    [...metadata]
      .filter(([key]) => !OF_GRPC_JS.has(key))
      .map(([key, values]) => [
        key,
        values.map((value) => (typeof value === 'string' ? value : Uint8Array.from(value))),
      ]),
  );
}

const OF_GRPC_JS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'user-agent',
  'content-type',
  'grpc-accept-encoding',
  'date',
]);

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (message: Uint8Array | undefined): string => new TextDecoder().decode(message);
