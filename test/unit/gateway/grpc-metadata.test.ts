import { Metadata, Status } from 'nice-grpc-common';
import { fieldOf, fieldsOfMetadata, metadataOfFields } from '../../../src/gateway/grpc-metadata.js';
import { GatewayError } from '../../../src/gateway/grpc-status.js';

const read = (...fields: string[]): unknown => [...metadataOfFields(fields, Status.INVALID_ARGUMENT)];

test('what HTTP/2 and gRPC say for themselves is no metadata', () => {
  const own = [':path', 'te', 'content-type', 'content-length', 'accept-encoding', 'host', 'connection'];
  const grpc = ['grpc-timeout', 'grpc-encoding', 'grpc-previous-rpc-attempts', 'grpc-trace-bin'];
  expect(read(...[...own, ...grpc].flatMap((name) => [name, 'x']), 'user-agent', 'me')).toEqual([
    ['user-agent', ['me']],
  ]);
});

test('a field that comes several times has all its values', () => {
  expect(read('authorization', 'a', 'k', '1', 'authorization', 'b', 'k', '2')).toEqual([
    ['authorization', ['a, b']],
    ['k', ['1, 2']],
  ]);
});

test.each([
  ['padded', 'AP8='],
  ['not padded', 'AP8'],
])('bytes are base64, %s', (_, value) => {
  expect(read('x-bin', value)).toEqual([['x-bin', [Uint8Array.of(0, 255)]]]);
});

test('several values of bytes may share a field', () => {
  expect(read('x-bin', 'AA==,AQ, ', 'x-bin', 'Ag')).toEqual([
    ['x-bin', [Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2)]],
  ]);
});

test.each([
  ['no base64', 'x-bin', 'a!b', "'x-bin' takes bytes in base64"],
  ['a value that is not ASCII', 'x', 'größer', 'illegal characters'],
  ['a tab', 'x', 'a\tb', 'illegal characters'],
  ['a name that gRPC does not have', 'x!y', 'v', 'illegal characters'],
])('%s is refused, and said which', (_, name, value, reason) => {
  expect(() => read(name, value)).toThrow(GatewayError);
  expect(() => read(name, value)).toThrow(reason);
  expect(() => read(name, value)).toThrow(
    expect.objectContaining({ code: Status.INVALID_ARGUMENT }) as Error,
  );
});

test('what is said of a value is short, however long that is', () => {
  const details = (): unknown => read('x', 'ö'.repeat(60_000));
  expect(details).toThrow(
    expect.objectContaining({ details: expect.stringMatching(/^.{1,400}$/) as string }) as Error,
  );
});

test('names from the network are names, and no part of an object', () => {
  expect(read('__proto__', 'x', 'constructor', 'y')).toEqual([
    ['__proto__', ['x']],
    ['constructor', ['y']],
  ]);
  const received = metadataOfFields(['__proto__', 'x', 'constructor', 'y'], Status.INTERNAL);
  expect(Object.entries({ ...fieldsOfMetadata(received) })).toEqual([
    ['__proto__', ['x']],
    ['constructor', ['y']],
  ]);
});

test('status details are metadata of a trailer only', () => {
  const fields = ['grpc-status-details-bin', 'AQ', 'grpc-status', '5'];
  expect([...metadataOfFields(fields, Status.INTERNAL)]).toEqual([]);
  expect([...metadataOfFields(fields, Status.INTERNAL, true)]).toEqual([
    ['grpc-status-details-bin', [Uint8Array.of(1)]],
  ]);
});

test('fields are written without padding, without space at the ends, and without what is not metadata', () => {
  const metadata = Metadata()
    .append('x-bin', Uint8Array.of(0))
    .append('x-bin', Uint8Array.of(1, 2))
    .append('text', '  a b ')
    .append('host', 'h')
    .append('te', 't')
    .append('content-length', '5')
    .append('grpc-status-details-bin', Uint8Array.of(1));
  expect(fieldsOfMetadata(metadata)).toEqual({
    'x-bin': ['AA', 'AQI'],
    text: ['a b'],
    'grpc-status-details-bin': ['AQ'],
  });
  expect(fieldsOfMetadata(undefined)).toEqual({});
});

test('bytes that are a view are written as what they show', () => {
  const view = Uint8Array.of(9, 9, 1, 2, 9).subarray(2, 4);
  expect(fieldsOfMetadata(Metadata({ 'x-bin': view }))).toEqual({ 'x-bin': ['AQI'] });
});

test('a field is looked for among names, not values', () => {
  expect(fieldOf(['a', 'te', 'te', 'trailers', 'te', 'x'], 'te')).toBe('trailers');
  expect(fieldOf(['a', 'te'], 'te')).toBeUndefined();
});
