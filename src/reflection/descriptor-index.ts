/**
 * What is declared where, in sets of descriptors as `buf build` and `protoc --include_imports` write them: files by their
 * names, the files of symbols, extensions by what they extend. Made once, of the server's own files, and complete: a file
 * whose imports are not there is refused. Files are kept as bytes too, to be sent as they are.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';

export interface IndexedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

export class DescriptorIndex {
  /** Full names, in the order of the files. */
  readonly services: string[] = [];
  readonly #files = new Map<string, IndexedFile>();
  readonly #fileOfSymbol = new Map<string, IndexedFile>();
  readonly #messages = new Set<string>();
  /** By the full name of what they extend, by number. */
  readonly #extensions = new Map<string, Map<number, IndexedFile>>();

  /** Of a file that is in several sets the first counts. Throws Error for bytes that are no set, and for imports that are missing. */
  constructor(sets: readonly Uint8Array[]) {
    for (const [index, bytes] of sets.entries()) {
      for (const file of decodeSet(bytes, index).file) this.#addFile(file);
    }
    for (const { name, imports } of this.#files.values()) {
      const missing = imports.find((path) => !this.#files.has(path));
      if (missing === undefined) continue;
      throw new Error(
        `${name} imports ${missing}, which is in none of the descriptor sets: build them with their imports, ` +
          'as buf build does, and protoc with --include_imports',
      );
    }
  }

  file(name: string): IndexedFile | undefined {
    return this.#files.get(name);
  }

  /** `symbol`: the full name of a service, method, message, field, oneof, enum, value or extension. */
  fileOfSymbol(symbol: string): IndexedFile | undefined {
    return this.#fileOfSymbol.get(symbol);
  }

  fileOfExtension(extendee: string, number: number): IndexedFile | undefined {
    return this.#extensions.get(extendee)?.get(number);
  }

  /** Undefined: there is no such message. */
  extensionNumbers(extendee: string): readonly number[] | undefined {
    const known = this.#extensions.get(extendee);
    if (known !== undefined) return [...known.keys()];
    return this.#messages.has(extendee) ? [] : undefined;
  }

  /** The file and all that it imports, itself first; without `known`, which grows by them. */
  withImports(file: IndexedFile, known: Set<string>): IndexedFile[] {
    known.add(file.name);
    const found = [file];
    // Grows while it is gone through.
    for (const { imports } of found) {
      for (const name of imports) {
        const imported = this.#files.get(name);
        if (imported === undefined || known.has(name)) continue;
        known.add(name);
        found.push(imported);
      }
    }
    return found;
  }

  #addFile(file: FileDescriptorProto): void {
    if (this.#files.has(file.name)) return;
    const bytes = toBinary(FileDescriptorProtoSchema, file);
    const indexed: IndexedFile = { name: file.name, bytes, imports: file.dependency };
    this.#files.set(file.name, indexed);
    const scope = file.package === '' ? '' : `${file.package}.`;
    for (const message of file.messageType) this.#addMessage(indexed, scope, message);
    for (const declared of file.enumType) this.#addEnum(indexed, scope, declared);
    for (const service of file.service) this.#addService(indexed, scope, service);
    for (const extension of file.extension) this.#addExtension(indexed, scope, extension);
  }

  #addMessage(file: IndexedFile, scope: string, message: DescriptorProto): void {
    const fullName = scope + message.name;
    const inner = `${fullName}.`;
    this.#fileOfSymbol.set(fullName, file);
    this.#messages.add(fullName);
    for (const { name } of [...message.field, ...message.oneofDecl])
      this.#fileOfSymbol.set(inner + name, file);
    for (const nested of message.nestedType) this.#addMessage(file, inner, nested);
    for (const nested of message.enumType) this.#addEnum(file, inner, nested);
    for (const extension of message.extension) this.#addExtension(file, inner, extension);
  }

  /** Values are named in the scope around their enum, as in C++. */
  #addEnum(file: IndexedFile, scope: string, declared: EnumDescriptorProto): void {
    this.#fileOfSymbol.set(scope + declared.name, file);
    for (const { name } of declared.value) this.#fileOfSymbol.set(scope + name, file);
  }

  #addService(file: IndexedFile, scope: string, service: ServiceDescriptorProto): void {
    const fullName = scope + service.name;
    this.services.push(fullName);
    this.#fileOfSymbol.set(fullName, file);
    for (const { name } of service.method) this.#fileOfSymbol.set(`${fullName}.${name}`, file);
  }

  #addExtension(file: IndexedFile, scope: string, extension: FieldDescriptorProto): void {
    this.#fileOfSymbol.set(scope + extension.name, file);
    const extendee = extension.extendee.replace(/^\./, '');
    const numbers = this.#extensions.get(extendee) ?? new Map<number, IndexedFile>();
    this.#extensions.set(extendee, numbers.set(extension.number, file));
  }
}

function decodeSet(bytes: Uint8Array, index: number): FileDescriptorSet {
  const which = `descriptor set ${index + 1}`;
  try {
    const set = fromBinary(FileDescriptorSetSchema, bytes);
    // Of bytes that are something else, decoded as unknown fields.
    if (set.file.length > 0 && set.file.every(({ name }) => name !== '')) return set;
  } catch (error) {
    throw new Error(`${which} is no google.protobuf.FileDescriptorSet`, { cause: error });
  }
  throw new Error(`${which} is no google.protobuf.FileDescriptorSet, or an empty one`);
}
