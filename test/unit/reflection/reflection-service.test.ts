import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { healthDescriptors } from '../../../src/health/index.js';
import { ImageServiceDefinition, imageDescriptors } from '../../../src/images/index.js';
import { createClient, Status } from '../../../src/index.js';
import {
  createReflectionService,
  reflectionDescriptors,
  type ReflectionOptions,
  ServerReflectionDefinition,
  ServerReflectionV1AlphaDefinition,
} from '../../../src/reflection/index.js';
import { type ServerReflectionRequest } from '../../../generated/grpc/reflection/v1/reflection.js';
import { createInMemoryServer } from '../../../src/testing/index.js';

const REFLECTION = 'grpc.reflection.v1.ServerReflection';

/** A file with everything that can have a name, and an extension; `a/base.proto` is what it imports. */
const everything = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, {
    file: [
      { name: 'a/base.proto', package: 'a', messageType: [{ name: 'Base' }] },
      {
        name: 'a/all.proto',
        package: 'a.all',
        dependency: ['a/base.proto'],
        messageType: [
          {
            name: 'Outer',
            field: [{ name: 'text', number: 1, type: FieldType.STRING }],
            oneofDecl: [{ name: 'choice' }],
            nestedType: [{ name: 'Inner', nestedType: [{ name: 'Innermost' }] }],
            enumType: [{ name: 'Colour', value: [{ name: 'RED', number: 0 }] }],
            extension: [{ name: 'inside', number: 101, extendee: '.a.Base', type: FieldType.STRING }],
          },
        ],
        enumType: [{ name: 'Size', value: [{ name: 'SMALL', number: 0 }] }],
        extension: [{ name: 'outside', number: 100, extendee: '.a.Base', type: FieldType.STRING }],
        service: [
          { name: 'AllService', method: [{ name: 'Do', inputType: '.a.Base', outputType: '.a.Base' }] },
        ],
      },
    ],
  }),
);

async function ask(
  requests: readonly Partial<ServerReflectionRequest>[],
  descriptors: Parameters<typeof createReflectionService>[0] = [
    imageDescriptors,
    healthDescriptors,
    everything,
  ],
  options: ReflectionOptions = {},
  definition: Pick<typeof ServerReflectionDefinition, 'name' | 'methods'> & {
    fullName: string;
  } = ServerReflectionDefinition,
) {
  await using memory = createInMemoryServer();
  memory.server.add(definition, createReflectionService(descriptors, options));
  const client = createClient(definition, memory.channel);
  const stream = async function* () {
    yield* requests;
  };
  const answers = [];
  for await (const answer of client.serverReflectionInfo(stream())) {
    const files = answer.fileDescriptorResponse?.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
    const services = answer.listServicesResponse?.service.map(({ name }) => name);
    const error = answer.errorResponse;
    const numbers = answer.allExtensionNumbersResponse;
    answers.push(files ?? services ?? numbers ?? [error?.errorCode, error?.errorMessage]);
  }
  return answers;
}

test('lists all services of the descriptors, or those it was told, and itself', async () => {
  expect(await ask([{ listServices: '' }])).toEqual([
    ['a.all.AllService', 'grpc.health.v1.Health', REFLECTION, 'image.v1.ImageService'],
  ]);
  expect(
    await ask([{ listServices: '*' }], imageDescriptors, { services: [ImageServiceDefinition] }),
  ).toEqual([[REFLECTION, 'image.v1.ImageService']]);
});

test('a file comes with all that it imports, each once in a stream', async () => {
  const answers = await ask([
    { fileByFilename: 'image/v1/image.proto' },
    { fileContainingSymbol: 'google.protobuf.Timestamp' },
    { fileByFilename: 'image/v1/image.proto' },
    { fileContainingSymbol: 'image.v1.ImageService' },
  ]);
  expect(answers).toEqual([
    ['image/v1/image.proto', 'google/protobuf/timestamp.proto'],
    // What is asked for by name is sent again.
    ['google/protobuf/timestamp.proto'],
    ['image/v1/image.proto'],
    ['image/v1/image.proto'],
  ]);
});

test.each([
  'a.all.AllService',
  'a.all.AllService.Do',
  'a.all.Outer',
  'a.all.Outer.text',
  'a.all.Outer.choice',
  'a.all.Outer.Inner.Innermost',
  'a.all.Outer.Colour',
  'a.all.Outer.RED',
  'a.all.Size',
  'a.all.SMALL',
  'a.all.outside',
  'a.all.Outer.inside',
])('finds the file of %s', async (fileContainingSymbol) => {
  expect(await ask([{ fileContainingSymbol }])).toEqual([['a/all.proto', 'a/base.proto']]);
});

test('what is not there is an answer, and the stream goes on', async () => {
  const extension = (containingType: string, extensionNumber: number) => ({
    fileContainingExtension: { containingType, extensionNumber },
  });
  const answers = await ask([
    { fileByFilename: 'image.proto' },
    { fileContainingSymbol: 'image.v1' },
    { fileContainingSymbol: '__proto__' },
    extension('a.Base', 102),
    extension('a.Nothing', 100),
    { allExtensionNumbersOfType: 'a.Nothing' },
    {},
    { fileByFilename: 'a/base.proto' },
  ]);
  expect(answers).toEqual([
    [Status.NOT_FOUND, "there is no file 'image.proto'"],
    [Status.NOT_FOUND, "there is no symbol 'image.v1'"],
    [Status.NOT_FOUND, "there is no symbol '__proto__'"],
    [Status.NOT_FOUND, "there is no extension 102 of 'a.Base'"],
    [Status.NOT_FOUND, "there is no extension 100 of 'a.Nothing'"],
    [Status.NOT_FOUND, "there is no message 'a.Nothing'"],
    [Status.INVALID_ARGUMENT, 'the request asks for nothing'],
    ['a/base.proto'],
  ]);
});

test('extensions, by what they extend', async () => {
  const answers = await ask([
    { fileContainingExtension: { containingType: 'a.Base', extensionNumber: 101 } },
    { allExtensionNumbersOfType: 'a.Base' },
    { allExtensionNumbersOfType: 'a.all.Outer' },
  ]);
  expect(answers).toEqual([
    ['a/all.proto', 'a/base.proto'],
    { baseTypeName: 'a.Base', extensionNumber: [101, 100] },
    { baseTypeName: 'a.all.Outer', extensionNumber: [] },
  ]);
});

test('answers under v1alpha the same', async () => {
  const answers = await ask([{ listServices: '' }], imageDescriptors, {}, ServerReflectionV1AlphaDefinition);
  expect(answers).toEqual([[REFLECTION, 'image.v1.ImageService']]);
});

test('descriptors that are none, imports and services that are missing are refused at once', () => {
  const refused = (descriptors: Uint8Array, options?: ReflectionOptions) => () =>
    createReflectionService(descriptors, options);
  expect(refused(new Uint8Array())).toThrow('descriptor set 1 is no google.protobuf.FileDescriptorSet');
  expect(refused(new TextEncoder().encode('syntax = "proto3";'))).toThrow(/^descriptor set 1 is no /);
  const { file } = fromBinary(FileDescriptorSetSchema, everything);
  const alone = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: file.slice(1) }));
  expect(refused(alone)).toThrow(
    'a/all.proto imports a/base.proto, which is in none of the descriptor sets: build them with their imports, ' +
      'as buf build does, and protoc with --include_imports',
  );
  expect(refused(reflectionDescriptors, { services: [ImageServiceDefinition] })).toThrow(
    'service image.v1.ImageService is in none of the descriptor sets',
  );
});
