/** `udprpc` at a server whose reflection is hostile: one line, an exit code, soon, and nothing that steers the terminal. */
import { jest } from '@jest/globals';
import { type ServerReflectionResponse } from '../../../generated/grpc/reflection/v1/reflection.js';
import { createServer, type DeepPartial, Status } from '../../../src/index.js';
import { ServerReflectionDefinition } from '../../../src/reflection/index.js';
import { commandRun } from '../../support/command-run.js';
import { type Ended } from '../../support/example-process.js';
import { closeAll, closeLater } from '../../support/tls-fixture.js';
import { descriptorOf, nested, stringField } from '../../unit/dynamic/descriptors-of.js';

jest.setTimeout(120_000);

afterAll(closeAll);

type Answer = DeepPartial<ServerReflectionResponse>;

async function udprpcAt(answer: Answer, command: 'call' | 'list', ...args: string[]): Promise<Ended> {
  const server = createServer();
  closeLater(() => server.shutdown({ graceMs: 0 }));
  server.add(ServerReflectionDefinition, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield { originalRequest: request, ...answer };
    },
  });
  const target = `udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  return commandRun(command, target, ...args);
}

const files = (fileDescriptorProto: readonly Uint8Array[]): Answer => ({
  fileDescriptorResponse: { fileDescriptorProto },
});

test('names and errors that steer terminals are printed harmlessly', async () => {
  const names = ['a\u001b[2J', 'b\u202e\u009b1m', 'c\nd'];
  const list = await udprpcAt({ listServicesResponse: { service: names.map((name) => ({ name })) } }, 'list');
  expect(list).toEqual({ code: 0, stdout: 'a?[2J\nb??1m\nc?d\n', stderr: '' });
  const errorMessage = 'none\u001b]0;title\u0007';
  const failed = await udprpcAt({ errorResponse: { errorCode: Status.INTERNAL, errorMessage } }, 'list');
  expect(failed).toEqual({
    code: Status.INTERNAL,
    stdout: '',
    stderr: "the server's reflection: INTERNAL: none?]0;title?\n",
  });
});

test.each<[string, Answer, RegExp]>([
  ['ten thousand messages in each other', files([nested(10_000)]), /nested too deep/],
  [
    'ten thousand fields of one message',
    files([
      descriptorOf({
        name: 'a.proto',
        messageType: [
          { name: 'M', field: Array.from({ length: 10_000 }, (_, i) => stringField(`f${i}`, i + 1)) },
        ],
      }),
    ]),
    /more than 1000 fields/,
  ],
  [
    'a service named __proto__',
    files([descriptorOf({ name: 'a.proto', service: [{ name: '__proto__' }] })]),
    /"__proto__" where a name belongs/,
  ],
  [
    'a million empty files',
    files(Array.from({ length: 1_000_000 }, () => new Uint8Array())),
    /answers something else than was asked/,
  ],
])('a call at a server with %s is given up', async (_what, answer, line) => {
  const { code, stdout, stderr } = await udprpcAt(answer, 'call', 'a.B/C');
  expect([code, stdout]).toEqual([Status.INTERNAL, '']);
  expect(stderr).toMatch(line);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});
