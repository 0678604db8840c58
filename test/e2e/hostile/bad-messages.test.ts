/** Calls that are none, or too much of one, from a client that is let in: each is refused, and the next one is answered. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { EchoRequest, EchoResponse } from '../../../generated/test/v1/test.js';
import { type DynamicMessage, loadServices } from '../../../src/dynamic/load-services.js';
import { createServer } from '../../../src/index.js';
import { METADATA_TAG } from '../../../src/rpc/framing/metadata-codec.js';
import { RequestHeaderTag } from '../../../src/rpc/framing/request-header.js';
import { ResetCode } from '../../../src/rpc/framing/reset-code.js';
import { UnitType } from '../../../src/rpc/framing/unit.js';
import { printFigures } from '../../support/long-run.js';
import {
  fieldBytes,
  joined,
  messageUnit,
  RawCaller,
  type RawEnd,
  requestHeader,
  unitBytes,
} from '../../support/raw-caller.js';
import { closeAll, closeLater, serveEcho } from '../../support/tls-fixture.js';

const MIB = 1 << 20;
const DEEP = 10_000;
const text = (string: string): Uint8Array => new TextEncoder().encode(string);
const NOT_UTF8 = Uint8Array.of(0xc3, 0x28, 0xff);

const message = messageUnit(EchoRequest.encode(EchoRequest.fromPartial({ payload: text('hello') })).finish());
const echo = requestHeader('Echo');

function metadataField(key: string | Uint8Array, value: string | Uint8Array, keyLength?: number): Uint8Array {
  const keyBytes = typeof key === 'string' ? text(key) : key;
  const valueBytes = typeof value === 'string' ? text(value) : value;
  const head = Uint8Array.of(keyLength ?? keyBytes.length);
  return fieldBytes(METADATA_TAG, joined(head, keyBytes, valueBytes));
}

/** A header of Echo with further fields, or with others. */
function headerWith(...fields: readonly Uint8Array[]): Uint8Array {
  // Behind the type and a length of two bytes.
  return unitBytes(UnitType.HEADER, joined(requestHeader('Echo').subarray(3), ...fields));
}

function entries(count: number, valueBytes: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => metadataField(`key-${i}`, 'v'.repeat(valueBytes)));
}

const MALFORMED = { resetCode: ResetCode.MALFORMED, messages: [] };
const TOO_LARGE = { status: 'RESOURCE_EXHAUSTED', messages: [] };
const NOT_DECODED = { status: 'INTERNAL', messages: [] };

const BAD: Readonly<Record<string, readonly [request: Uint8Array, end: object]>> = {
  '65 entries of metadata': [joined(headerWith(...entries(65, 1)), message), TOO_LARGE],
  '9,000 bytes of metadata': [joined(headerWith(...entries(9, 1_000)), message), TOO_LARGE],
  '60,000 bytes of metadata': [joined(headerWith(...entries(60, 1_000)), message), TOO_LARGE],
  '4 MiB of metadata': [joined(headerWith(metadataField('a', 'v'.repeat(4 * MIB))), message), TOO_LARGE],
  'a reserved key': [joined(headerWith(metadataField('grpc-timeout', '1')), message), MALFORMED],
  'a key with NUL': [joined(headerWith(metadataField('a\0b', '1')), message), MALFORMED],
  'a key that is not UTF-8': [joined(headerWith(metadataField(NOT_UTF8, '1')), message), MALFORMED],
  'a value that is not UTF-8': [joined(headerWith(metadataField('a', NOT_UTF8)), message), MALFORMED],
  'a key longer than its field': [joined(headerWith(metadataField('a', '1', 60)), message), MALFORMED],
  'a field longer than its header': [
    joined(headerWith(fieldBytes(METADATA_TAG, text('a'), 1_000)), message),
    MALFORMED,
  ],
  'a path that is not UTF-8': [
    joined(headerWith(fieldBytes(RequestHeaderTag.PATH, NOT_UTF8)), message),
    MALFORMED,
  ],
  'a header of 2^40 bytes': [unitBytes(UnitType.HEADER, text('?'), 2 ** 40), TOO_LARGE],
  'a message of 4 MiB and a byte': [joined(echo, messageUnit(text('?'), 4 * MIB + 1)), TOO_LARGE],
  'a message of 2^53 - 1 bytes': [joined(echo, messageUnit(text('?'), Number.MAX_SAFE_INTEGER)), TOO_LARGE],
  'a message of 2^62 - 1 bytes': [
    joined(echo, Uint8Array.of(UnitType.MESSAGE), new Uint8Array(8).fill(0xff)),
    MALFORMED,
  ],
  'a message that ends early': [joined(echo, messageUnit(text('?'), 1_000)), MALFORMED],
  'two messages': [joined(echo, message, message), MALFORMED],
  'no message': [echo, MALFORMED],
  nothing: [new Uint8Array(0), MALFORMED],
  'a unit of no type': [Uint8Array.of(0x5a, 1, 1), MALFORMED],
  'protobuf: bytes longer than the message': [
    joined(echo, messageUnit(Uint8Array.of(0x0a, 0x7f, 1))),
    NOT_DECODED,
  ],
  'protobuf: bytes of 4 GiB': [
    joined(echo, messageUnit(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1))),
    NOT_DECODED,
  ],
  'protobuf: a number without end': [
    joined(echo, messageUnit(new Uint8Array(1_000).fill(0xff))),
    NOT_DECODED,
  ],
  'protobuf: a wire type that is none': [joined(echo, messageUnit(Uint8Array.of(0x0f, 0))), NOT_DECODED],
  'protobuf: groups 10,000 deep': [
    joined(echo, messageUnit(new Uint8Array(2 * DEEP).fill(0x7b, 0, DEEP).fill(0x7c, DEEP))),
    NOT_DECODED,
  ],
};

afterEach(closeAll);

function echoOf({ messages: [first] }: RawEnd): string {
  return new TextDecoder().decode(EchoResponse.decode(first ?? new Uint8Array()).payload);
}

test('what is no call is refused, every time, and the next call on the connection is answered', async () => {
  const server = await serveEcho({});
  const caller = await RawCaller.connect(server.port);
  closeLater(() => caller.close());
  const counts = new Map<string, number>();
  for (const [what, [request, end]] of Object.entries(BAD)) {
    expect([what, await caller.call(request)]).toMatchObject([what, end]);
    expect(server.echoed).toEqual([]);
    const next = await caller.call(joined(requestHeader('Echo'), message));
    expect([what, next.status, echoOf(next)]).toEqual([what, 'OK', 'hello']);
    server.echoed.length = 0;
    const kind = 'resetCode' in end ? 'reset as MALFORMED' : String(Object.values(end)[0]);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const told = [...counts].map(([kind, count]) => `${count} ${kind}`);
  printFigures('calls that are none, on one connection', ...told, 'the next call answered every time');
  expect(server.watch.connections).toHaveLength(1);
});

test('keys like __proto__ are keys of metadata like others', async () => {
  const keys = ['__proto__', 'constructor', 'prototype', 'to-string', '__proto__-bin'];
  const seen: unknown[] = [];
  const server = await serveEcho(
    {},
    {
      echo: async ({ payload }, { metadata, trailer }) => {
        for (const key of keys) {
          seen.push(metadata.get(key));
          for (const value of metadata.getAll(key)) trailer.append(key, value);
        }
        return { payload };
      },
    },
  );
  const caller = await RawCaller.connect(server.port);
  closeLater(() => caller.close());
  const fields = keys.map((key) => metadataField(key, 'evil'));
  expect(await caller.call(joined(headerWith(...fields), message))).toMatchObject({ status: 'OK' });
  expect(seen).toEqual(['evil', 'evil', 'evil', 'evil', text('evil')]);
  expect(({} as Record<string, unknown>)['evil']).toBeUndefined();
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(OBJECT_PROTOTYPE);
});

test('text that is not UTF-8 comes to a handler as U+FFFD: what generated code makes of it', async () => {
  const seen: string[] = [];
  const echoOnly = { echo: async (request: EchoRequest) => (seen.push(request.failWithDetails), request) };
  const server = await serveEcho({}, echoOnly);
  const caller = await RawCaller.connect(server.port);
  closeLater(() => caller.close());
  const bytes = joined(Uint8Array.of(0x22, NOT_UTF8.length), NOT_UTF8);
  expect((await caller.call(joined(requestHeader('Echo'), messageUnit(bytes)))).status).toBe('OK');
  expect(seen).toEqual(['\ufffd(\ufffd']);
});

const TREE = `syntax = "proto3";
package trees.v1;
service TreeService { rpc Grow(Tree) returns (Tree); }
message Tree { Tree child = 1; map<string, string> labels = 2; string name = 3; }`;

/** A Tree so deep. */
function tree(depth: number): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < depth; i++) {
    const head = new BinaryWriter().uint32(0x0a).uint32(bytes.length).finish();
    bytes = joined(head, bytes);
  }
  return bytes;
}

test('messages that nest, or have keys like __proto__, harm no service without generated code', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'udprpc-trees-'));
  closeLater(() => rm(folder, { recursive: true }));
  writeFileSync(join(folder, 'trees.proto'), TREE);
  const { 'trees.v1.TreeService': definition } = await loadServices('trees.proto', { includeDirs: [folder] });
  if (definition === undefined) throw new Error('not loaded');
  const grown: DynamicMessage[] = [];
  const server = createServer();
  server.add(definition, {
    grow: async (request) => {
      grown.push(request as DynamicMessage);
      return request;
    },
  });
  const port = await server.listen('127.0.0.1:0');
  closeLater(() => server.shutdown({ graceMs: 0 }));
  const caller = await RawCaller.connect(port);
  closeLater(() => caller.close());
  const call = (bytes: Uint8Array): Promise<RawEnd> =>
    caller.call(joined(requestHeader('Grow', { service: 'trees.v1.TreeService' }), messageUnit(bytes)));

  const deep = await call(tree(DEEP));
  expect(deep).toMatchObject(NOT_DECODED);
  expect(grown).toEqual([]);
  const label = joined(Uint8Array.of(0x0a, 9), text('__proto__'), Uint8Array.of(0x12, 4), text('evil'));
  const labelled = await call(joined(Uint8Array.of(0x12, label.length), label));
  expect(labelled.status).toBe('OK');
  expect(Object.getPrototypeOf(grown[0]?.['labels'] ?? {})).toBe(Object.prototype);
  const badText = await call(joined(Uint8Array.of(0x1a, NOT_UTF8.length), NOT_UTF8));
  expect(badText).toMatchObject(NOT_DECODED);
  const next = await call(tree(3));
  expect(next).toMatchObject({ status: 'OK', messages: [tree(3)] });
  printFigures(
    'a service without generated code',
    `${DEEP} deep: ${deep.status}, ${deep.details}`,
    `__proto__ as a key of a map: ${labelled.status}`,
    `text that is not UTF-8: ${badText.status}`,
    `next call: ${next.status}`,
  );
});

/** Before anybody has sent anything. */
const OBJECT_PROTOTYPE = Object.getOwnPropertyNames(Object.prototype);
