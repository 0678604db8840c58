/**
 * The four kinds of methods under one roof, for what holds for each of them: a service whose methods of every kind do
 * the same, and a way to call each.
 */
import { type CallContext, type CallOptions } from 'nice-grpc';
import { heard, said, say, sayAll } from './messages.js';
import { type TestClient, type TestImplementation } from './world.js';

export const KINDS = ['unary', 'server streaming', 'client streaming', 'bidirectional'] as const;
export type Kind = (typeof KINDS)[number];

export const PATHS: Readonly<Record<Kind, string>> = {
  unary: '/test.v1.TestService/Echo',
  'server streaming': '/test.v1.TestService/Download',
  'client streaming': '/test.v1.TestService/Upload',
  bidirectional: '/test.v1.TestService/Chat',
};

/** Each method does `work`, and answers once. */
export function serviceOf<Ext = object>(
  work: (context: CallContext & Ext) => Promise<void>,
): Partial<TestImplementation<Ext>> {
  return {
    async echo(request, context) {
      await work(context);
      return request;
    },
    async *download(_request, context) {
      await work(context);
      yield say('download');
    },
    async upload(requests, context) {
      let count = 0;
      for await (const request of requests) count += said(request).length > 0 ? 1 : 0;
      await work(context);
      return { count };
    },
    async *chat(requests, context) {
      await work(context);
      for await (const request of requests) yield request;
    },
  };
}

/** Resolves to the texts of its answers, with two messages sent where they are streamed. Middleware's options go too. */
export async function callOf(
  client: TestClient,
  kind: Kind,
  options?: CallOptions & Readonly<Record<string, unknown>>,
): Promise<string[]> {
  switch (kind) {
    case 'unary':
      return [said(await client.echo(say('echo'), options))];
    case 'server streaming':
      return heard(client.download({}, options));
    case 'client streaming':
      return [String((await client.upload(sayAll('a', 'b'), options)).count)];
    case 'bidirectional':
      return heard(client.chat(sayAll('a', 'b'), options));
  }
}

export const ANSWERS: Readonly<Record<Kind, readonly string[]>> = {
  unary: ['echo'],
  'server streaming': ['download'],
  'client streaming': ['2'],
  bidirectional: ['a', 'b'],
};
