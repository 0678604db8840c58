/**
 * What `udprpc call` does: finds the method, makes messages of JSON and JSON of messages. A request stream is read from
 * stdin as the call asks for it, and answers are printed as they come, no faster than they are read.
 */
import { Buffer } from 'node:buffer';
import type protobuf from 'protobufjs';
import { appendText } from '../adapters/text-metadata.js';
import { jsonMethod, messageOfJson } from '../dynamic/json-codec.js';
import { createClient, Metadata, type RpcCallOptions, type ServiceDefinition } from '../index.js';
import { printable } from '../base/printable.js';
import { type CallFlags } from './call-command.js';
import { jsonValues } from './json-values.js';
import { UsageError } from './run-command.js';
import { schemaByReflection, schemaOfFiles } from './schema-source.js';
import { InputError, type Session, showingFailures, withSession } from './session.js';
import { jsonText, print } from './shown.js';

export async function call(
  target: string,
  path: string,
  flags: CallFlags,
  signal: AbortSignal,
): Promise<void> {
  const [serviceName, methodName] = partsOf(path);
  if (flags.data !== FROM_STDIN && flags.data?.startsWith(FROM_STDIN) === true) {
    throw new UsageError(`'${printable(flags.data)}' is no JSON: of a file, write -d @ < FILE`);
  }
  const metadata = metadataOf(flags.header ?? []);
  const files = await showingFailures(signal, () => schemaOfFiles(flags));
  await withSession(target, flags, signal, async (session) => {
    const source = files ?? schemaByReflection(session);
    const schema = await source.schemaOf(serviceName);
    const service = schema.service(serviceName);
    const method = schema.method(service, methodName);
    const definition: ServiceDefinition = {
      name: service.name,
      fullName: serviceName,
      methods: { method: jsonMethod(method) },
    };
    await run(session, definition, method, flags, metadata);
  });
}

function partsOf(path: string): [string, string] {
  const [, service, method] = /^\/?([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (service === undefined || method === undefined) {
    throw new UsageError(
      `'${printable(path)}' is no method: write SERVICE/METHOD, as in image.v1.ImageService/List`,
    );
  }
  return [service, method];
}

function metadataOf(headers: readonly string[]): Metadata {
  const metadata = Metadata();
  for (const header of headers) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(header) ?? [];
    try {
      appendText(metadata, name.trim(), value);
    } catch {
      throw new UsageError(`'${printable(header)}' is no header: write 'NAME: VALUE', a NAME-bin in base64`);
    }
  }
  return metadata;
}

type AnyMethod = (request: unknown, options: RpcCallOptions) => Promise<unknown> | AsyncIterable<unknown>;

async function run(
  { channel, callOptions }: Session,
  definition: ServiceDefinition,
  method: protobuf.Method,
  flags: CallFlags,
  metadata: Metadata,
): Promise<void> {
  const type = method.resolvedRequestType;
  if (type === null) throw new Error('udprpc: a method of a schema has its types');
  const messages = messagesOf(type, flags.data);
  const report = flags.verbose === true ? new Report(channel) : undefined;
  const options = { ...callOptions, metadata, ...report?.callOptions };
  const client = createClient(definition, channel) as unknown as { readonly method: AnyMethod };
  try {
    const request = method.requestStream === true ? messages : await onlyMessage(messages, type);
    const answer = client.method(request, options);
    if (method.responseStream === true) {
      for await (const message of answer as AsyncIterable<unknown>)
        await print(jsonText(message), callOptions.signal);
    } else {
      await print(jsonText(await (answer as Promise<unknown>)), callOptions.signal);
    }
  } finally {
    // Whoever types there would else be waited for.
    if (flags.data === FROM_STDIN) process.stdin.destroy();
    report?.end();
  }
}

async function* messagesOf(type: protobuf.Type, data: string | undefined): AsyncGenerator<protobuf.Message> {
  const pieces = data === FROM_STDIN ? process.stdin.setEncoding('utf8') : [data ?? ''];
  for await (const text of jsonValues(pieces as AsyncIterable<string>)) yield messageOfJson(type, text);
}

/** Of a method that takes one: an empty one where none is given. */
async function onlyMessage(
  messages: AsyncIterable<protobuf.Message>,
  type: protobuf.Type,
): Promise<protobuf.Message> {
  const all: protobuf.Message[] = [];
  for await (const message of messages) {
    if (all.push(message) > 1)
      throw new InputError('the method takes one message, and more than one JSON value is given');
  }
  return all[0] ?? type.create({});
}

/** What -v shows, line by line as it happens. */
class Report {
  readonly #channel: Session['channel'];
  readonly #startedAt = performance.now();
  readonly #attemptsBefore: number;

  constructor(channel: Session['channel']) {
    this.#channel = channel;
    this.#attemptsBefore = channel.counters.attempts;
  }

  get callOptions(): RpcCallOptions {
    return {
      onHeader: (header) => {
        showMetadata('header', header);
      },
      onTrailer: (trailer) => {
        showMetadata('trailer', trailer);
      },
    };
  }

  end(): void {
    const attempts = this.#channel.counters.attempts - this.#attemptsBefore;
    const rtt = this.#channel.stats()?.smoothedRttMs;
    const parts = [
      `${(performance.now() - this.#startedAt).toFixed(1)} ms`,
      `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`,
      ...(rtt === undefined ? [] : [`round trip ${rtt.toFixed(1)} ms`]),
      ...(this.#channel.peer === undefined ? [] : [this.#channel.peer]),
    ];
    process.stderr.write(`${parts.join(', ')}\n`);
  }
}

function showMetadata(kind: string, metadata: Metadata): void {
  for (const [name, values] of metadata) {
    for (const value of values) {
      const text = typeof value === 'string' ? value : Buffer.from(value).toString('base64');
      process.stderr.write(`${kind} ${printable(name)}: ${printable(text)}\n`);
    }
  }
}

const FROM_STDIN = '@';
