/** What an HTTP/2 client may do that no gRPC client does: each gets an answer that says so, and the next one its own. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { Status } from '../../../src/index.js';
import { createGrpcToUdpGateway, type Gateway } from '../../../src/gateway/index.js';
import { type ServedCall, SERVICE } from './bytes-service.js';
import { closeLater, listenGateway } from './routes.js';
import { serveUdp } from './udp-end.js';

interface Answer {
  readonly httpStatus: number;
  readonly status: number;
  readonly message: string;
  readonly body: Buffer;
  readonly header: Record<string, unknown>;
  readonly rstCode: number;
}

let gateway: Gateway;
let port: number;
let isOpen: boolean;
let session: ClientHttp2Session;
/** Of the calls that have come through. */
let served: ServedCall[];

beforeEach(async () => {
  served = [];
  const server = closeLater(
    await serveUdp(async function* (call) {
      served.push(call);
      for await (const message of call.requests) yield message;
    }),
  );
  gateway = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${server.port}` });
  port = await listenGateway(gateway);
  isOpen = true;
  session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  closeLater({
    close: async () => {
      session.destroy();
    },
  });
  // Before all of this is closed: the next call has its answer, whatever a test has done.
  closeLater({
    close: async () => {
      if (isOpen) expect(await answer({}, HELLO)).toMatchObject({ httpStatus: 200, status: 0, body: HELLO });
    },
  });
});

const HEADER: OutgoingHttpHeaders = {
  ':method': 'POST',
  ':path': `/${SERVICE}/Bidi`,
  te: 'trailers',
  'content-type': 'application/grpc',
};

const HELLO = Buffer.from([0, 0, 0, 0, 2, 104, 105]);

async function answer(fields: OutgoingHttpHeaders, ...chunks: Uint8Array[]): Promise<Answer> {
  const stream = session.request({ ...HEADER, ...fields }, { endStream: false });
  let header: Record<string, unknown> = {};
  let trailers: Record<string, unknown> = {};
  const body: Buffer[] = [];
  stream.on('response', (received: Record<string, unknown>) => (header = received));
  stream.on('trailers', (received: Record<string, unknown>) => (trailers = received));
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  stream.on('error', () => undefined);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'close');
  const all = { ...header, ...trailers };
  return {
    header,
    httpStatus: Number(header[':status']),
    status: Number(all['grpc-status']),
    message: decodeURIComponent(String(all['grpc-message'])),
    body: Buffer.concat(body),
    rstCode: stream.rstCode,
  };
}

test.each([
  ['GET', { ':method': 'GET' }, 405],
  ['no content-type', { 'content-type': undefined }, 415],
  ['text', { 'content-type': 'text/plain' }, 415],
  ['something that only begins like gRPC', { 'content-type': 'application/grpcx' }, 415],
  ['gRPC-Web', { 'content-type': 'application/grpc-web+proto' }, 415],
])('%s is no call: HTTP %j %i', async (_, fields, httpStatus) => {
  const { httpStatus: got, status } = await answer(fields, HELLO);
  expect([got, status]).toEqual([httpStatus, NaN]);
});

test.each(['application/grpc+proto', 'application/grpc+json', 'application/grpc;charset=utf-8'])(
  '%s is gRPC, and answered in kind',
  async (contentType) => {
    const { header, status, body } = await answer({ 'content-type': contentType }, HELLO);
    expect([header['content-type'], status, body]).toEqual([contentType, 0, HELLO]);
  },
);

test.each<[string, OutgoingHttpHeaders, number, RegExp]>([
  ['no te', { te: undefined }, Status.INTERNAL, /no te: trailers/],
  ['no path of a method', { ':path': '/' }, Status.UNIMPLEMENTED, /is no path of a method/],
  ['a path without a method', { ':path': `/${SERVICE}/` }, Status.UNIMPLEMENTED, /is no path of a method/],
  [
    'a path with a query',
    { ':path': `/${SERVICE}/Bidi?x=1` },
    Status.UNIMPLEMENTED,
    /is no path of a method/,
  ],
  ['a path of garbage', { ':path': '/a/%\u00ff"' }, Status.UNIMPLEMENTED, /is no path of a method/],
  [
    'a path that does not end',
    { ':path': `/a/${'b'.repeat(5_000)}` },
    Status.UNIMPLEMENTED,
    /is no path of a method/,
  ],
  [
    'a method that is not there',
    { ':path': '/far.v1.Away/Do' },
    Status.UNIMPLEMENTED,
    /does not offer service far\.v1\.Away/,
  ],
  ['a timeout that is none', { 'grpc-timeout': '1 day' }, Status.INTERNAL, /grpc-timeout "1 day" is none/],
  ['a timeout of nothing', { 'grpc-timeout': '0m' }, Status.DEADLINE_EXCEEDED, /./],
  ['bytes that are none', { 'x-bin': '!' }, Status.INVALID_ARGUMENT, /'x-bin' takes bytes in base64/],
  ['text that is none', { x: 'gr\u00f6\u00dfer' }, Status.INVALID_ARGUMENT, /illegal characters/],
])('%s is answered with a status, without a header', async (_, fields, status, message) => {
  const got = await answer(fields, HELLO);
  expect(got).toMatchObject({ httpStatus: 200, status });
  expect(got.message).toMatch(message);
  expect(got.header).toHaveProperty('grpc-status', String(status));
  expect(served).toEqual([]);
});

test.each<[string, number[], number, RegExp]>([
  ['ends in a prefix', [0, 0, 0], Status.INTERNAL, /ends in the middle of a message/],
  ['is shorter than its length', [0, 0, 0, 0, 9, 1], Status.INTERNAL, /ends in the middle of a message/],
  [
    'says that it has 4 GiB',
    [0, 255, 255, 255, 255, 1],
    Status.RESOURCE_EXHAUSTED,
    /4294967295 bytes is above/,
  ],
  ['has a flag that nobody knows', [7, 0, 0, 0, 0], Status.INTERNAL, /unknown flag 7/],
  [
    'is compressed without saying how',
    [1, 0, 0, 0, 0],
    Status.INTERNAL,
    /compressed message and no grpc-encoding/,
  ],
])('a message that %s is answered with a status', async (_, bytes, status, message) => {
  const got = await answer({}, Uint8Array.from(bytes));
  expect(got).toMatchObject({ httpStatus: 200, status });
  expect(got.message).toMatch(message);
});

test('a compressed message is UNIMPLEMENTED, and the answer says what is taken', async () => {
  const got = await answer({ 'grpc-encoding': 'gzip' }, Uint8Array.of(1, 0, 0, 0, 1, 0));
  expect(got.status).toBe(Status.UNIMPLEMENTED);
  expect(got.message).toContain('compressed (gzip)');
  expect(got.header['grpc-accept-encoding']).toBe('identity');
});

test('a request that goes on after its answer is told to stop', async () => {
  const stream = session.request({ ...HEADER, ':path': '/far.v1.Away/Do' });
  stream.on('error', () => undefined);
  stream.write(HELLO);
  const [header] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(header['grpc-status']).toBe(String(Status.UNIMPLEMENTED));
  stream.resume();
  await once(stream, 'close');
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
});

test('a client that resets its stream in the middle of a message cancels the call', async () => {
  const stream = session.request(HEADER);
  stream.on('error', () => undefined);
  stream.write(Buffer.concat([HELLO, Buffer.from([0, 0, 0])]));
  await once(stream, 'data');
  const [call] = served;
  const aborted = call === undefined ? undefined : once(call.signal, 'abort');
  stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
  await aborted;
  expect(call?.signal.aborted).toBe(true);
});

test('a client whose connection breaks cancels its calls', async () => {
  const own = connect(`http://127.0.0.1:${port}`);
  own.on('error', () => undefined);
  const stream = own.request(HEADER);
  stream.on('error', () => undefined);
  stream.write(HELLO);
  await once(stream, 'data');
  const [call] = served;
  const aborted = call === undefined ? undefined : once(call.signal, 'abort');
  own.destroy();
  await aborted;
  expect(call?.signal.aborted).toBe(true);
});

test.each([
  ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['garbage behind the preface', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(100)}`],
])('%s loses its connection, and nobody else', async (_, bytes) => {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
});

test('a connection above maxConnections is closed, and the others go on', async () => {
  const gate = createGrpcToUdpGateway({ target: 'udp://127.0.0.1:9', maxConnections: 1 });
  const url = `http://127.0.0.1:${await listenGateway(gate)}`;
  const first = connect(url);
  await once(first, 'connect');
  const second = connect(url);
  second.on('error', () => undefined);
  await once(second, 'close');
  const stream = first.request({ ...HEADER, 'content-type': 'text/plain' });
  const [header] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(header[':status']).toBe(415);
  first.destroy();
});

test('header fields beyond all limits are refused', async () => {
  const own = connect(`http://127.0.0.1:${port}`);
  own.on('error', () => undefined);
  const stream = own.request({ ...HEADER, x: 'v'.repeat(70_000) });
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  expect(stream.rstCode).toBe(constants.NGHTTP2_REFUSED_STREAM);
  expect(served).toEqual([]);
  own.destroy();
});

test.each<[string, OutgoingHttpHeaders]>([
  ['that is none of gRPC', { 'content-type': 'text/plain' }],
  ['with a path that is none', { ':path': '/' }],
  ['that is over before it begins', { 'grpc-timeout': '0m' }],
  ['of a method that is not there', { ':path': '/far.v1.Away/Do' }],
])('nothing is left of a call %s, whose request nobody reads', async (_, fields) => {
  const stream = session.request({ ...HEADER, ...fields }, { endStream: false });
  stream.on('error', () => undefined);
  stream.resume();
  // More than a window: it is not taken whole.
  stream.write(Buffer.concat([Buffer.from([0, 0, 8, 0, 0]), Buffer.alloc(524_288)]));
  await once(stream, 'close');
  // It waits for calls that run, and there is none.
  await gateway.shutdown({ graceMs: 60_000 });
  isOpen = false;
});
