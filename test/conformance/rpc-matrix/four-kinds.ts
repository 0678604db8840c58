/**
 * The four kinds of methods, with the same messages, so that all can be asked the same; each kind twice, once declared
 * to have no side effects, so that it rides in the first flight, and once not declared, so that it waits. What a
 * handler does is written once, as a conversation: payloads in, payloads out. Where a kind has one response, that is
 * the conversation's payloads joined.
 */
import { type Metadata } from 'nice-grpc-common';
import { ChatRequest, ChatResponse } from '../../../generated/test/v1/test.js';
import { type RpcCallOptions } from '../../../src/rpc/client/call-options.js';
import { type Channel } from '../../../src/rpc/client/channel.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { RpcError } from '../../../src/rpc/rpc-error.js';
import { type RequestContext } from '../../../src/rpc/server/call-context.js';
import {
  type Client,
  type IdempotencyLevel,
  type ServiceDefinition,
  type ServiceImplementation,
} from '../../../src/rpc/service-definition.js';
import { type Context } from './world.js';

/** What a handler does with the payloads of its requests. */
export type Conversation = (
  requests: AsyncIterable<Uint8Array>,
  context: Context,
) => AsyncIterable<Uint8Array>;

type FourKinds = ReturnType<typeof fourKinds>;

export interface Kind {
  readonly title: string;
  readonly service: FourKinds;
  readonly method: keyof FourKinds['methods'];
  readonly streamsRequest: boolean;
  readonly streamsResponse: boolean;
}

function fourKinds(name: string, idempotencyLevel?: IdempotencyLevel) {
  const common = { requestType: ChatRequest, responseType: ChatResponse, options: { idempotencyLevel } };
  return {
    name,
    fullName: `test.v1.${name}`,
    methods: {
      unary: { ...common, name: 'Unary', requestStream: false, responseStream: false },
      serverStreaming: { ...common, name: 'ServerStreaming', requestStream: false, responseStream: true },
      clientStreaming: { ...common, name: 'ClientStreaming', requestStream: true, responseStream: false },
      bidirectional: { ...common, name: 'Bidirectional', requestStream: true, responseStream: true },
    },
  } as const satisfies ServiceDefinition;
}

const UNDECLARED = fourKinds('FourKinds');
const FIRST_FLIGHT = fourKinds('FourKindsWithoutSideEffects', 'NO_SIDE_EFFECTS');

export const FOUR_KINDS: readonly FourKinds[] = [UNDECLARED, FIRST_FLIGHT];

export const KINDS: readonly Kind[] = FOUR_KINDS.flatMap((service) => {
  const suffix = service === FIRST_FLIGHT ? ', without side effects' : '';
  return [
    kindOf('unary', 'unary'),
    kindOf('server streaming', 'serverStreaming'),
    kindOf('client streaming', 'clientStreaming'),
    kindOf('bidirectional streaming', 'bidirectional'),
  ];

  function kindOf(name: string, method: Kind['method']): Kind {
    const { requestStream, responseStream } = service.methods[method];
    const title = name + suffix;
    return { title, service, method, streamsRequest: requestStream, streamsResponse: responseStream };
  }
});

export function isFirstFlight({ service }: Kind): boolean {
  return service === FIRST_FLIGHT;
}

/** `/package.Service/Method`. */
export function pathOf({ service, method }: Kind): string {
  return `/${service.fullName}/${service.methods[method].name}`;
}

export async function* echoAll(requests: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* requests;
}

export function fourKindsOf(conversation: Conversation): ServiceImplementation<FourKinds, RequestContext> {
  return {
    unary: ({ payload }, context) => joinedResponse(conversation(streamOf([payload]), context)),
    serverStreaming: ({ payload }, context) => messagesOf(conversation(streamOf([payload]), context)),
    clientStreaming: (requests, context) => joinedResponse(conversation(payloadsOf(requests), context)),
    bidirectional: (requests, context) => messagesOf(conversation(payloadsOf(requests), context)),
  };
}

/** A call that runs, and what its caller has met of it so far. */
export interface RunningCall {
  /** Payloads, in order. */
  readonly responses: Uint8Array[];
  readonly headers: Metadata[];
  readonly trailers: Metadata[];
  /** Undefined: it went well. Rejects only with what is no RpcError. */
  readonly ended: Promise<RpcError | undefined>;
}

/** Makes a call of this kind. Of the payloads, a kind with one request sends the first one. */
export function begin(
  channel: Channel,
  kind: Kind,
  requests: readonly Uint8Array[] | AsyncIterable<Uint8Array>,
  options: RpcCallOptions = {},
): RunningCall {
  const responses: Uint8Array[] = [];
  const headers: Metadata[] = [];
  const trailers: Metadata[] = [];
  const answer = call(createClient(kind.service, channel), kind, requests, {
    timeoutMs: CALL_TIMEOUT_MS,
    onHeader: (header) => void headers.push(header),
    onTrailer: (trailer) => void trailers.push(trailer),
    ...options,
  });
  return { responses, headers, trailers, ended: endOf(takeAll()) };

  async function takeAll(): Promise<void> {
    if (answer instanceof Promise) responses.push((await answer).payload);
    else for await (const { payload } of answer) responses.push(payload);
  }
}

/** The error that a call ends with, if it does. Rejects with what is no RpcError. */
export function endOf(call: Promise<unknown>): Promise<RpcError | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof RpcError) return error;
      throw error;
    },
  );
}

function call(
  client: Client<FourKinds, RpcCallOptions>,
  kind: Kind,
  requests: readonly Uint8Array[] | AsyncIterable<Uint8Array>,
  options: RpcCallOptions,
): Promise<ChatResponse> | AsyncIterable<ChatResponse> {
  const stream = Symbol.asyncIterator in requests ? requests : streamOf(requests);
  const single = { payload: Symbol.asyncIterator in requests ? NO_BYTES : (requests[0] ?? NO_BYTES) };
  switch (kind.method) {
    case 'unary':
      return client.unary(single, options);
    case 'serverStreaming':
      return client.serverStreaming(single, options);
    case 'clientStreaming':
      return client.clientStreaming(messagesOf(stream), options);
    case 'bidirectional':
      return client.bidirectional(messagesOf(stream), options);
  }
}

async function* streamOf(payloads: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* payloads;
}

async function* messagesOf(payloads: AsyncIterable<Uint8Array>): AsyncGenerator<ChatRequest, void> {
  for await (const payload of payloads) yield { payload };
}

async function* payloadsOf(messages: AsyncIterable<ChatRequest>): AsyncGenerator<Uint8Array, void> {
  for await (const { payload } of messages) yield payload;
}

async function joinedResponse(payloads: AsyncIterable<Uint8Array>): Promise<ChatResponse> {
  const all: Uint8Array[] = [];
  for await (const payload of payloads) all.push(payload);
  return { payload: Buffer.concat(all) };
}

const NO_BYTES = new Uint8Array();

/** Long for every world; cases about time say their own. */
const CALL_TIMEOUT_MS = 300_000;
