/**
 * Services straight from `.proto` files, without generated code: for tools, tests and gateways that meet a service only
 * at run time. protobufjs parses and codes; what comes out is a definition as `createClient` and `server.add` take it.
 * Messages are plain objects in the shapes that ts-proto's generated code has here: camelCase fields, 64-bit integers as
 * bigint, enums as their names, bytes as Uint8Array.
 */
import type protobuf from 'protobufjs';
import { type MethodDefinition, type ServiceDefinition } from '../index.js';
import { fullNameOf, idempotencyOf, loadRoot, type LoadOptions, servicesOf } from './load-root.js';

/** A message of a loaded service: camelCase fields, 64-bit integers as bigint, enums as their names, bytes as Uint8Array. */
export type DynamicMessage = Readonly<Record<string, unknown>>;

/**
 * All services of these files and of what they import, by full name. Rejects with a message that names the file and what
 * is wrong with it: not there, or not valid.
 */
export async function loadServices(
  files: string | readonly string[],
  options: LoadOptions = {},
): Promise<Readonly<Record<string, ServiceDefinition>>> {
  const root = await loadRoot(typeof files === 'string' ? [files] : files, options, { keepCase: false });
  const services: Record<string, ServiceDefinition> = {};
  for (const service of servicesOf(root)) services[fullNameOf(service)] = definitionOf(service);
  return services;
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
      options: { idempotencyLevel: idempotencyOf(method) },
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

const OBJECT_OPTIONS: protobuf.IConversionOptions = {
  longs: BigInt,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
};
