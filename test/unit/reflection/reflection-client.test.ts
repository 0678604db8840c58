/** A server's reflection as its client meets it: as published, older, incomplete, and hostile. */
import { type ServerReflectionResponse } from '../../../generated/grpc/reflection/v1/reflection.js';
import { Schema } from '../../../src/dynamic/schema.js';
import { imageDescriptors } from '../../../src/images/index.js';
import { type DeepPartial, RpcError, Status } from '../../../src/index.js';
import {
  createReflectionService,
  ServerReflectionDefinition,
  ServerReflectionV1AlphaDefinition,
} from '../../../src/reflection/index.js';
import { ReflectionClient } from '../../../src/reflection/reflection-client.js';
import { createInMemoryServer, type InMemoryServer } from '../../../src/testing/index.js';
import { descriptorOf } from '../dynamic/descriptors-of.js';

type Answer = DeepPartial<ServerReflectionResponse>;

let memory: InMemoryServer;
let client: ReflectionClient;

beforeEach(() => {
  memory = createInMemoryServer();
  client = new ReflectionClient(memory.channel);
});

afterEach(() => memory.close());

/** A server that answers each question by `answer`. */
function answerBy(answer: (question: string) => Answer | readonly Answer[]): string[] {
  const questions: string[] = [];
  memory.server.add(ServerReflectionDefinition, {
    async *serverReflectionInfo(requests) {
      for await (const { fileByFilename, fileContainingSymbol } of requests) {
        const question = fileByFilename ?? fileContainingSymbol ?? '';
        questions.push(question);
        yield* [answer(question)].flat();
      }
    },
  });
  return questions;
}

const files = (...fileDescriptorProto: Uint8Array[]): Answer => ({
  fileDescriptorResponse: { fileDescriptorProto },
});

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it has not failed')),
    (error: unknown) => error as Error,
  );

test.each([ServerReflectionDefinition, ServerReflectionV1AlphaDefinition])(
  'what $fullName tells is enough to know a service',
  async (definition) => {
    memory.server.add(definition, createReflectionService(imageDescriptors));
    expect(await client.serviceNames()).toContain('image.v1.ImageService');
    const schema = Schema.fromDescriptors(await client.filesOf('image.v1.ImageService'));
    expect(schema.service('image.v1.ImageService').methodsArray).toHaveLength(3);
  },
);

test('a server without reflection is UNIMPLEMENTED, a symbol that it does not know NOT_FOUND', async () => {
  const error = await failure(client.serviceNames());
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toMatchObject({ code: Status.UNIMPLEMENTED });
  await memory.close();
  memory = createInMemoryServer();
  memory.server.add(ServerReflectionDefinition, createReflectionService(imageDescriptors));
  expect(await failure(new ReflectionClient(memory.channel).filesOf('a.B'))).toMatchObject({
    code: Status.NOT_FOUND,
    message: "the server's reflection: NOT_FOUND: there is no symbol 'a.B'",
  });
});

test('imports that a server does not send by itself are asked for, each once, in circles too', async () => {
  const byName: Record<string, Uint8Array> = {
    'a.proto': descriptorOf({ name: 'a.proto', dependency: ['b.proto', 'c.proto'] }),
    'b.proto': descriptorOf({ name: 'b.proto', dependency: ['c.proto', 'a.proto'] }),
    'c.proto': descriptorOf({ name: 'c.proto', dependency: ['c.proto'] }),
  };
  const questions = answerBy((question) =>
    files(byName[question === 'a.A' ? 'a.proto' : question] ?? new Uint8Array()),
  );
  expect(await client.filesOf('a.A')).toHaveLength(3);
  expect(questions).toEqual(['a.A', 'b.proto', 'c.proto']);
});

test.each<[string, (question: string) => Answer | readonly Answer[], string]>([
  [
    'another answer than was asked for',
    () => ({ listServicesResponse: {} }),
    'it answers something else than was asked',
  ],
  ['nothing', () => files(), 'it does not give all imports'],
  [
    'always another import, for ever',
    (question) => files(descriptorOf({ name: question, dependency: [`${question}x`] })),
    '2001 files belong together, more than 2000',
  ],
  [
    'more files than anybody has',
    () => files(...Array.from({ length: 2_001 }, (_, i) => descriptorOf({ name: `${i}` }))),
    'it gives more than 2000 files',
  ],
  [
    'always the same file',
    () => files(descriptorOf({ name: 'a.proto', dependency: ['b.proto'] })),
    'it does not give all imports',
  ],
  [
    'a file with a hundred thousand imports',
    () =>
      files(descriptorOf({ name: 'a.proto', dependency: Array.from({ length: 100_000 }, (_, i) => `${i}`) })),
    'a file imports 100000 others',
  ],
  [
    'bytes that are no descriptor',
    () => files(Uint8Array.of(10, 200, 1)),
    'it gives descriptors that are damaged',
  ],
  [
    'megabytes, again and again',
    (question) => {
      const padding = 'x'.repeat(3_000_000);
      return files(
        descriptorOf({ name: question, dependency: [`${question}x`], options: { goPackage: padding } }),
      );
    },
    'it gives 9000',
  ],
  [
    'the same megabytes for each of a thousand imports',
    () => {
      const dependency = Array.from({ length: 1_000 }, (_, i) => `${i}`);
      return files(descriptorOf({ name: 'a', dependency, options: { goPackage: 'x'.repeat(3_000_000) } }));
    },
    'it gives 9',
  ],
])(
  'a server that gives %s is given up',
  async (_what, answer, reason) => {
    answerBy(answer);
    const error = await failure(client.filesOf('a'));
    expect(error).toMatchObject({ code: Status.INTERNAL });
    expect(error.message).toContain(`the server's reflection cannot be used: ${reason}`);
  },
  60_000,
);

test('a server that lists more services than anybody has is given up', async () => {
  const service = Array.from({ length: 2_001 }, (_, i) => ({ name: `a.S${i}` }));
  answerBy(() => ({ listServicesResponse: { service } }));
  expect((await failure(client.serviceNames())).message).toBe(
    "the server's reflection cannot be used: it lists 2001 services, more than 2000",
  );
});

test('answers that nobody asked for are not read', async () => {
  let sent = 0;
  memory.server.add(ServerReflectionDefinition, {
    async *serverReflectionInfo() {
      for (;;) {
        sent++;
        yield files(descriptorOf({ name: 'a.proto' }));
      }
    },
  });
  const ended = new Promise((resolve) => memory.server.once('call', resolve));
  expect(await client.filesOf('a.A')).toHaveLength(1);
  await ended;
  expect(sent).toBeLessThan(100_000);
});
