/**
 * Whether descriptors of a stranger may be given to protobufjs at all. They are walked through as bytes, without recursion
 * and before anything is made of them: how many declarations there are, how deep, and that names are names. protobufjs
 * looks for a field's number among all others of its message, so the fields of one message have a limit of their own.
 */
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

/** Descriptors that cannot be used, or are refused; says which and why. */
export class DescriptorError extends Error {
  override readonly name = 'DescriptorError';
}

/** All files together. Some services of the largest public APIs need 2 MB. */
export const MAX_DESCRIPTOR_BYTES = 8_388_608;

/** `files`: each a google.protobuf.FileDescriptorProto. Throws DescriptorError. */
export function checkDescriptors(files: readonly Uint8Array[]): void {
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  if (bytes > MAX_DESCRIPTOR_BYTES) {
    throw new DescriptorError(`the descriptors have ${bytes} bytes: more than ${MAX_DESCRIPTOR_BYTES}`);
  }
  const counts: Counts = { tags: 0, declarations: 0, extensions: 0 };
  for (const file of files) {
    try {
      walkFile(file, counts);
    } catch (error) {
      if (error instanceof DescriptorError) throw error;
      throw new DescriptorError('the descriptors are damaged', { cause: error });
    }
  }
}

interface Counts {
  tags: number;
  declarations: number;
  extensions: number;
}

/** A message of the descriptor that is being read. */
interface Level {
  readonly type: protobuf.Type;
  readonly end: number;
  fields: number;
}

function walkFile(bytes: Uint8Array, counts: Counts): void {
  const reader = protobuf.Reader.create(bytes);
  const levels: Level[] = [{ type: FILE, end: bytes.length, fields: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (reader.pos >= level.end) {
      levels.pop();
      continue;
    }
    if (++counts.tags > MAX_TAGS) throw tooMany('values', MAX_TAGS);
    const tag = reader.uint32();
    const field = level.type.fieldsById[tag >>> 3]?.resolve();
    if (field === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      reader.skipType(tag & 7);
    } else if (field.resolvedType instanceof protobuf.Type) {
      const length = reader.uint32();
      if (reader.pos + length > level.end) throw new DescriptorError('the descriptors are cut off');
      count(level, field.name, field.resolvedType, counts);
      levels.push({ type: field.resolvedType, end: reader.pos + length, fields: 0 });
      if (levels.length > MAX_LEVELS) throw new DescriptorError('the descriptors are nested too deep');
    } else {
      checkText(level.type, field, reader);
    }
  }
}

function count(level: Level, role: string, type: protobuf.Type, counts: Counts): void {
  if (!DECLARATIONS.has(type.name)) return;
  if (++counts.declarations > MAX_DECLARATIONS) throw tooMany('declarations', MAX_DECLARATIONS);
  if (type.name !== 'FieldDescriptorProto') return;
  const fields = role === 'extension' ? ++counts.extensions : ++level.fields;
  if (fields > MAX_FIELDS)
    throw tooMany(role === 'extension' ? 'extensions' : 'fields in a message', MAX_FIELDS);
}

function checkText(type: protobuf.Type, field: protobuf.Field, reader: protobuf.Reader): void {
  const rule = type === FILE && field.name === 'name' ? undefined : RULES.get(field.name);
  if (rule === undefined || (field.name === 'name' && !DECLARATIONS.has(type.name))) {
    reader.skipType(LENGTH_DELIMITED);
    return;
  }
  const text = reader.string();
  const isName = text.length <= MAX_NAME_LENGTH && rule.test(text) && !text.split('.').includes('__proto__');
  if (!isName)
    throw new DescriptorError(
      `the descriptors have ${JSON.stringify(text.slice(0, 60))} where a name belongs`,
    );
}

function tooMany(what: string, limit: number): DescriptorError {
  return new DescriptorError(`the descriptors have more than ${limit} ${what}`);
}

const FILE = (descriptor as unknown as protobuf.Namespace).lookupType('FileDescriptorProto');

const LENGTH_DELIMITED = 2;

const DECLARATIONS = new Set([
  'DescriptorProto',
  'FieldDescriptorProto',
  'OneofDescriptorProto',
  'EnumDescriptorProto',
  'EnumValueDescriptorProto',
  'ServiceDescriptorProto',
  'MethodDescriptorProto',
]);

const NAME = /^[A-Za-z_]\w*$/;
const FULL_NAME = /^\.?[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;
const RULES = new Map([
  ['name', NAME],
  ['package', /^([A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?$/],
  ['typeName', FULL_NAME],
  ['extendee', FULL_NAME],
  ['inputType', FULL_NAME],
  ['outputType', FULL_NAME],
]);

const MAX_NAME_LENGTH = 512;

/** With both at their limits protobufjs takes a second: 50 ms for a thousand fields of one message, 8 s for ten thousand. */
const MAX_DECLARATIONS = 20_000;
const MAX_FIELDS = 1_000;
const MAX_TAGS = 400_000;

/** 32 messages in each other, as protobufjs has it, and the options of the innermost. */
const MAX_LEVELS = 40;
