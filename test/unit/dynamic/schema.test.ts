/** What hostile descriptors do: nothing. And what good ones are known by. */
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
} from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { describe as textOf } from '../../../src/dynamic/describe.js';
import { messageOfJson } from '../../../src/dynamic/json-codec.js';
import { Schema } from '../../../src/dynamic/schema.js';
import { fileDescriptorSet as testDescriptors } from '../../../generated/test/v1/test.descriptors.js';
import { descriptorOf, type FileInit, nested, stringField } from './descriptors-of.js';

const schemaOf = (...files: FileInit[]): Schema => Schema.fromDescriptors(files.map(descriptorOf));
const sequence = <T>(length: number, of: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => of(i));

function typeOf(schema: Schema, name: string): protobuf.Type {
  const symbol = schema.symbol(name);
  if (!(symbol instanceof protobuf.Type)) throw new Error(`${name} is no message`);
  return symbol;
}

test.each<[string, RegExp, FileInit]>([
  [
    'a message named __proto__',
    /have "__proto__" where a name belongs/,
    { messageType: [{ name: '__proto__' }] },
  ],
  ['a package of __proto__', /have "a.__proto__.b" where a name belongs/, { package: 'a.__proto__.b' }],
  [
    'a field named __proto__',
    /have "__proto__" where a name belongs/,
    { messageType: [{ name: 'M', field: [stringField('__proto__')] }] },
  ],
  [
    'a type with code in its name',
    /where a name belongs/,
    {
      messageType: [
        {
          name: 'M',
          field: [{ ...stringField('x'), type: FieldType.MESSAGE, typeName: '.M;process.exit(9)//' }],
        },
      ],
    },
  ],
  ['a service that steers terminals', /\\u001b\[2J/, { service: [{ name: '\u001b[2J' }] }],
  ['a name of a thousand letters', /where a name belongs/, { messageType: [{ name: 'M'.repeat(1_000) }] }],
  [
    'ten thousand fields in a message',
    /more than 1000 fields in a message/,
    { messageType: [{ name: 'M', field: sequence(10_000, (i) => stringField(`f${i}`, i + 1)) }] },
  ],
  [
    'ten thousand extensions',
    /more than 1000 extensions/,
    { extension: sequence(10_000, (i) => ({ ...stringField(`f${i}`, i + 1), extendee: '.M' })) },
  ],
  [
    'a hundred thousand messages',
    /more than 20000 declarations/,
    { messageType: sequence(100_000, (i) => ({ name: `M${i}` })) },
  ],
  [
    'a million bytes of comments',
    /more than 400000 values/,
    { sourceCodeInfo: { location: sequence(500_000, () => ({})) } },
  ],
  [
    'a type that is nowhere',
    /cannot be used: no such Type or Enum '.nowhere.T'/,
    {
      messageType: [
        { name: 'M', field: [{ ...stringField('x'), type: FieldType.MESSAGE, typeName: '.nowhere.T' }] },
      ],
    },
  ],
  [
    'a oneof that is nowhere',
    /cannot be used/,
    { messageType: [{ name: 'M', field: [{ ...stringField('x'), oneofIndex: 7 }] }] },
  ],
])('%s is refused', (_name, message, file) => {
  expect(() => schemaOf({ name: 'a.proto', ...file })).toThrow(message);
});

test('messages ten thousand deep are refused before anything recurses', () => {
  expect(() => Schema.fromDescriptors([nested(10_000)])).toThrow('the descriptors are nested too deep');
  expect(() => Schema.fromDescriptors([nested(34)])).toThrow(
    'the descriptors cannot be used: max depth exceeded',
  );
  expect(Schema.fromDescriptors([nested(20)]).serviceNames).toEqual([]);
});

test('descriptors that are too large, cut off or damaged are refused', () => {
  expect(() => Schema.fromDescriptors([new Uint8Array(9_000_000)])).toThrow(
    /9000000 bytes: more than 8388608/,
  );
  const whole = descriptorOf({ name: 'a.proto', messageType: [{ name: 'M', field: [stringField('x')] }] });
  for (let length = 10; length < whole.length - 8; length++) {
    expect(() => Schema.fromDescriptors([whole.subarray(0, length)])).toThrow(/cut off|damaged/);
  }
  expect(() => Schema.fromDescriptorSet(Buffer.from('syntax = "proto3";'))).toThrow(
    /no google.protobuf.File|damaged/,
  );
});

test.each(['constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf', 'toJSON', 'encode'])(
  'a field, message, package and service named %s is one like others, and nothing else has it then',
  (name) => {
    const schema = schemaOf({
      name: 'a.proto',
      package: name,
      messageType: [{ name, field: [stringField(name)] }],
      service: [
        { name: 'S', method: [{ name, inputType: `.${name}.${name}`, outputType: `.${name}.${name}` }] },
      ],
    });
    const type = typeOf(schema, `${name}.${name}`);
    const bytes = type.encode(messageOfJson(type, `{"${name}":"value"}`)).finish();
    expect([...bytes]).toEqual([10, 5, ...Buffer.from('value')]);
    expect(schema.method(schema.service(`${name}.S`), name).name).toBe(name);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['value']).toBeUndefined();
  },
);

test('a JSON name of a stranger is data and no code', () => {
  const jsonName = '"];process.exit(9);//';
  const schema = schemaOf({
    name: 'a.proto',
    messageType: [{ name: 'M', field: [{ ...stringField('x'), jsonName }] }],
  });
  const type = typeOf(schema, 'M');
  expect(type.encode(messageOfJson(type, JSON.stringify({ [jsonName]: '1' }))).finish()).toHaveLength(3);
});

test('files that import each other are as good as others', () => {
  const schema = schemaOf(
    { name: 'a.proto', dependency: ['b.proto'], messageType: [{ name: 'A' }] },
    { name: 'b.proto', dependency: ['a.proto'], messageType: [{ name: 'B' }] },
  );
  expect(schema.symbol('A')).toBeInstanceOf(protobuf.Type);
});

test('what is not there is said with what was meant', () => {
  const schema = Schema.fromDescriptorSet(testDescriptors);
  expect(() => schema.service('test.v1.TestServce')).toThrow(
    'there is no service test.v1.TestServce: did you mean test.v1.TestService?',
  );
  expect(() => schema.service('test.v1.EchoRequest')).toThrow(
    'test.v1.EchoRequest is no service: describe shows what it is',
  );
  const service = schema.service('test.v1.TestService');
  expect(() => schema.method(service, 'echo')).toThrow(
    'test.v1.TestService has no method echo: did you mean Echo?',
  );
  expect(schema.symbol('test.v1')).toBeUndefined();
  expect(schema.symbol('test.v1.EchoRequest.payload')).toBeUndefined();
  expect(schema.symbol('test.v1.TestService/Echo')).toBeInstanceOf(protobuf.Method);
});

test('a description is what the .proto has, from descriptors and from the file', async () => {
  const file: FileInit = {
    name: 'a.proto',
    package: 'a',
    messageType: [
      {
        name: 'M',
        field: [
          { ...stringField('old_names'), label: Label.REPEATED },
          { ...stringField('perhaps', 2), proto3Optional: true, oneofIndex: 1 },
          { ...stringField('by_name', 3), oneofIndex: 0 },
          { ...stringField('size', 4), type: FieldType.ENUM, typeName: '.a.M.Size', oneofIndex: 0 },
        ],
        oneofDecl: [{ name: 'choice' }, { name: '_perhaps' }],
        enumType: [{ name: 'Size', value: [{ name: 'SMALL', number: 0 }] }],
      },
    ],
  };
  const symbol = schemaOf(file).symbol('a.M');
  expect(symbol && textOf(symbol)).toBe(`message a.M {
  repeated string old_names = 1;
  optional string perhaps = 2;
  oneof choice {
    string by_name = 3;
    a.M.Size size = 4;
  }
  enum Size {
    SMALL = 0;
  }
}`);
  const ofFile = await Schema.fromFiles(['test/v1/test.proto'], { includeDirs: ['proto'] });
  const ofSet = Schema.fromDescriptorSet(testDescriptors);
  for (const name of ['test.v1.TestService', 'test.v1.EchoRequest', 'test.v1.TestService.Echo']) {
    const [one, other] = [ofFile.symbol(name), ofSet.symbol(name)];
    if (one === undefined || other === undefined) throw new Error(`${name} is not there`);
    expect(textOf(one)).toBe(textOf(other));
  }
});
