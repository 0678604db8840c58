/**
 * Services straight from `.proto` files, without generated code: for tools, tests and gateways that meet a service only
 * at run time. protobufjs parses and codes; what comes out is a definition as `createClient` and `server.add` take it.
 * Messages are plain objects in the shapes that ts-proto's generated code has here: camelCase fields, 64-bit integers as
 * bigint, enums as their names, bytes as Uint8Array.
 */
import { isAbsolute, join } from 'node:path';
import { existsSync } from 'node:fs';
import protobuf from 'protobufjs';
import { type IdempotencyLevel, type MethodDefinition, type ServiceDefinition } from '../index.js';

export interface LoadOptions {
  /** Where imports are looked for, in this order. Default: the current folder. */
  readonly includeDirs?: readonly string[] | undefined;
}

export type DynamicMessage = Readonly<Record<string, unknown>>;

/**
 * All services of these files and of what they import, by full name. Rejects with a message that names the file and what
 * is wrong with it: not there, or not valid.
 */
export async function loadServices(
  files: string | readonly string[],
  options: LoadOptions = {},
): Promise<Readonly<Record<string, ServiceDefinition>>> {
  const includeDirs = options.includeDirs ?? ['.'];
  const root = new protobuf.Root();
  root.resolvePath = (_origin, path) => resolveImport(path, includeDirs);
  const names = typeof files === 'string' ? [files] : [...files];
  try {
    await root.load(names, { keepCase: false });
    root.resolveAll();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot load ${names.join(', ')}: ${reason}`, { cause: error });
  }
  const services: Record<string, ServiceDefinition> = {};
  for (const service of servicesOf(root)) services[fullNameOf(service)] = definitionOf(service);
  return services;
}

/** Undefined for the well-known types that protobufjs brings along. */
function resolveImport(path: string, includeDirs: readonly string[]): string | null {
  if (isAbsolute(path)) return path;
  const found = includeDirs.map((folder) => join(folder, path)).find((candidate) => existsSync(candidate));
  return found ?? path;
}

function* servicesOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Service> {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Service) yield nested;
    else if (nested instanceof protobuf.Namespace) yield* servicesOf(nested);
  }
}

function definitionOf(service: protobuf.Service): ServiceDefinition {
  const methods: Record<string, MethodDefinition> = {};
  for (const method of service.methodsArray) {
    methods[method.name.charAt(0).toLowerCase() + method.name.slice(1)] = {
      name: method.name,
      requestType: codecOf(method.resolvedRequestType),
      requestStream: method.requestStream === true,
      responseType: codecOf(method.resolvedResponseType),
      responseStream: method.responseStream === true,
      options: { idempotencyLevel: idempotencyOf(method.options?.['idempotency_level']) },
    };
  }
  return { name: service.name, fullName: fullNameOf(service), methods };
}

function codecOf(type: protobuf.Type | null): MethodDefinition['requestType'] {
  if (type === null) throw new Error('udprpc: a method of a loaded service has its types');
  return {
    encode: (message: DynamicMessage) => type.encode(type.fromObject(message)),
    decode: (bytes: Uint8Array): DynamicMessage => type.toObject(type.decode(bytes), OBJECT_OPTIONS),
    fromPartial: (partial: DynamicMessage) => partial,
  };
}

function idempotencyOf(level: unknown): IdempotencyLevel | undefined {
  return level === 'NO_SIDE_EFFECTS' || level === 'IDEMPOTENT' ? level : undefined;
}

/** Without the leading dot that protobufjs writes. */
function fullNameOf(service: protobuf.Service): string {
  return service.fullName.replace(/^\./, '');
}

const OBJECT_OPTIONS: protobuf.IConversionOptions = {
  longs: BigInt,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
};
