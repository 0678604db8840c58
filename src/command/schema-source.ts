/** Where a command knows services from: `.proto` files, a descriptor set, or the server itself, by reflection. */
import { readFile } from 'node:fs/promises';
import { didYouMean } from '../dynamic/closest-name.js';
import { DescriptorError } from '../dynamic/check-descriptors.js';
import { Schema } from '../dynamic/schema.js';
import { Status } from '../index.js';
import { ReflectionClient, ReflectionError } from '../reflection/reflection-client.js';
import { type SchemaFlags } from './flags.js';
import { UsageError } from './run-command.js';
import { InputError, type Session } from './session.js';

export interface SchemaSource {
  /** Full names, sorted. */
  serviceNames(): Promise<readonly string[]>;
  /** What declares `symbol`, at least. Throws InputError where nothing does. */
  schemaOf(symbol: string): Promise<Schema>;
}

/** Undefined: no files were named. Throws UsageError, InputError. */
export async function schemaOfFiles(flags: SchemaFlags): Promise<SchemaSource | undefined> {
  const { proto, include, descriptors } = flags;
  if (proto !== undefined && descriptors !== undefined) {
    throw new UsageError('--proto and --descriptors exclude each other');
  }
  if (include !== undefined && proto === undefined) throw new UsageError('-I is for the files of --proto');
  if (proto === undefined && descriptors === undefined) return undefined;
  const schema =
    descriptors === undefined ? await ofProtoFiles(proto ?? [], include) : await ofDescriptors(descriptors);
  return {
    serviceNames: () => Promise.resolve(schema.serviceNames),
    schemaOf: (symbol) => {
      if (schema.symbol(symbol) !== undefined) return Promise.resolve(schema);
      const files = descriptors ?? proto?.join(', ') ?? '';
      return Promise.reject(noSymbol(files, symbol, schema.serviceNames));
    },
  };
}

export function schemaByReflection({ target, channel, callOptions }: Session): SchemaSource {
  const client = new ReflectionClient(channel, callOptions);
  return {
    serviceNames: () => client.serviceNames(),
    schemaOf: async (symbol) => {
      try {
        const schema = Schema.fromDescriptors(await client.filesOf(symbol.replace('/', '.')));
        if (schema.symbol(symbol) !== undefined) return schema;
      } catch (error) {
        if (!(error instanceof ReflectionError) || error.code !== Status.NOT_FOUND) throw error;
      }
      throw noSymbol(target, symbol, await client.serviceNames());
    },
  };
}

function noSymbol(where: string, symbol: string, services: readonly string[]): InputError {
  return new InputError(`${where} has no ${symbol}${didYouMean(symbol, services)}`);
}

async function ofProtoFiles(
  files: readonly string[],
  include: readonly string[] | undefined,
): Promise<Schema> {
  try {
    return await Schema.fromFiles(files, { includeDirs: include });
  } catch (error) {
    throw new InputError(reasonOf(error), { cause: error });
  }
}

async function ofDescriptors(path: string): Promise<Schema> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new InputError(`cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    return Schema.fromDescriptorSet(bytes);
  } catch (error) {
    if (!(error instanceof DescriptorError)) throw error;
    throw new InputError(`${path}: ${error.message}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
