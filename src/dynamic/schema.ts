/**
 * Services, messages and enums as they are known at run time, from `.proto` files or from descriptors: found by their full names, and when
 * they are not, with what there is instead. It keeps the names of the `.proto` and speaks canonical JSON (see json-codec.ts), where
 * `loadServices` has the shapes of generated code.
 */
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';
import { checkDescriptors, DescriptorError } from './check-descriptors.js';
import { didYouMean } from './closest-name.js';
import { fullNameOf, loadRoot, type LoadOptions, servicesOf } from './load-root.js';

/** Something that was asked for by name is not there, or is something else. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

export type SchemaSymbol = protobuf.Service | protobuf.Method | protobuf.Type | protobuf.Enum;

export class Schema {
  readonly #root: protobuf.Root;

  private constructor(root: protobuf.Root) {
    this.#root = root;
  }

  /** Throws Error with a message that names the file and what is wrong with it. */
  static async fromFiles(files: readonly string[], options: LoadOptions = {}): Promise<Schema> {
    return new Schema(await loadRoot(files, options, { keepCase: true }));
  }

  /** `files`: each a google.protobuf.FileDescriptorProto, in any order, of whomever. Throws DescriptorError. */
  static fromDescriptors(files: readonly Uint8Array[]): Schema {
    checkDescriptors(files);
    try {
      return new Schema(protobuf.Root.fromDescriptor(asSet(files), { keepCase: true }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DescriptorError(`the descriptors cannot be used: ${reason}`, { cause: error });
    }
  }

  /** `set`: a google.protobuf.FileDescriptorSet. Throws DescriptorError. */
  static fromDescriptorSet(set: Uint8Array): Schema {
    return Schema.fromDescriptors(filesOf(set));
  }

  /** Full names, sorted. */
  get serviceNames(): readonly string[] {
    return [...servicesOf(this.#root)].map(fullNameOf).sort();
  }

  /** Throws SchemaError. */
  service(fullName: string): protobuf.Service {
    const found = this.#lookup(fullName);
    if (found instanceof protobuf.Service) return found;
    if (this.symbol(fullName) !== undefined)
      throw new SchemaError(`${fullName} is no service: describe shows what it is`);
    throw new SchemaError(`there is no service ${fullName}${didYouMean(fullName, this.serviceNames)}`);
  }

  /** Throws SchemaError. */
  method(service: protobuf.Service, name: string): protobuf.Method {
    const found = service.methodsArray.find((method) => method.name === name);
    if (found !== undefined) return found;
    const names = service.methodsArray.map((method) => method.name);
    throw new SchemaError(`${fullNameOf(service)} has no method ${name}${didYouMean(name, names, 'It has')}`);
  }

  /** A service, method (`Service.Method` or `Service/Method`), message or enum by its full name. */
  symbol(fullName: string): SchemaSymbol | undefined {
    const found = this.#lookup(fullName.replace('/', '.'));
    const isSymbol =
      found instanceof protobuf.Service ||
      found instanceof protobuf.Method ||
      found instanceof protobuf.Type ||
      found instanceof protobuf.Enum;
    return isSymbol ? found : undefined;
  }

  #lookup(fullName: string): protobuf.ReflectionObject | null {
    let found: protobuf.ReflectionObject | null = this.#root;
    for (const name of fullName.replace(/^\./, '').split('.')) {
      if (!(found instanceof protobuf.Namespace)) return null;
      // A service's get finds its methods too, a message's its fields.
      found = found.get(name);
    }
    return found;
  }
}

function asSet(files: readonly Uint8Array[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const file of files) writer.uint32(FILE_TAG).bytes(file);
  return writer.finish();
}

function filesOf(set: Uint8Array): Uint8Array[] {
  const files: Uint8Array[] = [];
  const reader = protobuf.Reader.create(set);
  try {
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === FILE_TAG) files.push(reader.bytes());
      else reader.skipType(tag & 7);
    }
  } catch (error) {
    throw new DescriptorError('the bytes are no google.protobuf.FileDescriptorSet', { cause: error });
  }
  return files;
}

/** Field 1 of FileDescriptorSet, length-delimited. */
const FILE_TAG = 0x0a;
