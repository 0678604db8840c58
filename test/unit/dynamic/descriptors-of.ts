/** Descriptors for tests, of plain objects: what buf and protoc would not write too. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

export type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>;

/** A google.protobuf.FileDescriptorProto. */
export function descriptorOf(file: FileInit): Uint8Array {
  return toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, { syntax: 'proto3', ...file }),
  );
}

export function stringField(name: string, number = 1) {
  return { name, number, type: FieldType.STRING, label: Label.OPTIONAL };
}

/** `depth` messages in each other, as bytes: deeper than anybody would write an object. */
export function nested(depth: number): Uint8Array {
  let inner = Buffer.from([0x0a, 1, 0x4d]);
  for (let level = 1; level < depth; level++)
    inner = Buffer.concat([lengthDelimited(0x1a, inner), Buffer.from([0x0a, 1, 0x4d])]);
  return Buffer.concat([Buffer.from('\x0a\x01a'), lengthDelimited(0x22, inner)]);
}

function lengthDelimited(tag: number, bytes: Buffer): Buffer {
  const head = [tag];
  for (let rest = bytes.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}
