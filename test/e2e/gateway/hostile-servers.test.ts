/** What an HTTP/2 server may answer that no gRPC server does, or may do to its connection: the UDP client gets a status for each. */
import { once } from 'node:events';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { Metadata, type RpcError, Status } from '../../../src/index.js';
import { createUdpToGrpcGateway } from '../../../src/gateway/index.js';
import { bytes, occasion, outcome, text } from './bytes-service.js';
import { closeLater, listenGateway } from './routes.js';
import { udpClient, type UdpClientEnd } from './udp-end.js';

async function clientOf(server: Http2Server | TcpServer): Promise<UdpClientEnd> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater({
    close: async () => {
      server.close();
    },
  });
  const { port } = server.address() as AddressInfo;
  const gateway = createUdpToGrpcGateway({ target: `http://127.0.0.1:${port}` });
  return closeLater(udpClient(`udp://127.0.0.1:${await listenGateway(gateway)}`));
}

/** Of calls that `answer` answers, whatever it does. */
function serving(
  answer: (stream: ServerHttp2Stream, header: IncomingHttpHeaders) => void,
): Promise<UdpClientEnd> {
  const server = createServer();
  server.on('stream', (stream, header) => {
    stream.on('error', () => undefined);
    stream.resume();
    answer(stream, header);
  });
  return clientOf(server);
}

const GRPC: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' };
const HI = Buffer.from([0, 0, 0, 0, 2, 104, 105]);

/** Answers with a header, these bytes and these trailers. */
function answering(
  body: Uint8Array,
  trailers: OutgoingHttpHeaders | undefined,
  header: OutgoingHttpHeaders = {},
): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond({ ...GRPC, ...header }, { waitForTrailers: trailers !== undefined });
    stream.on('wantTrailers', () => {
      if (trailers !== undefined) stream.sendTrailers(trailers);
    });
    stream.end(body);
  };
}

const only =
  (header: OutgoingHttpHeaders) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond(header, { endStream: true });
  };

async function refusal(answer: (stream: ServerHttp2Stream) => void): Promise<RpcError> {
  return (await serving(answer)).refusal('Bidi');
}

test.each<[string, (stream: ServerHttp2Stream) => void, Status, RegExp]>([
  [
    'trailers only',
    only({ ...GRPC, 'grpc-status': '7', 'grpc-message': 'no%21' }),
    Status.PERMISSION_DENIED,
    /^no!$/,
  ],
  ['a status of a later version', only({ ...GRPC, 'grpc-status': '77' }), Status.UNKNOWN, /^$/],
  ['a status that is no number', only({ ...GRPC, 'grpc-status': 'OK' }), Status.UNKNOWN, /^$/],
  ['HTTP 404', only({ ':status': 404 }), Status.UNIMPLEMENTED, /HTTP status 404, no content-type/],
  [
    'HTTP 503',
    only({ ':status': 503, 'content-type': 'text/html' }),
    Status.UNAVAILABLE,
    /HTTP status 503, text\/html/,
  ],
  ['HTTP 500', only({ ':status': 500 }), Status.UNKNOWN, /HTTP status 500/],
  [
    'a page',
    answering(Buffer.from('<html>'), undefined, { 'content-type': 'text/html' }),
    Status.UNKNOWN,
    /HTTP status 200, text\/html/,
  ],
  ['a header and nothing else', only(GRPC), Status.UNKNOWN, /without a grpc-status/],
  ['no trailers', answering(new Uint8Array(), undefined), Status.UNKNOWN, /without a grpc-status/],
  [
    'trailers without a status',
    answering(new Uint8Array(), { x: 'y' }),
    Status.UNKNOWN,
    /without a grpc-status/,
  ],
  [
    'half a message',
    answering(Uint8Array.of(0, 0, 0, 0, 9, 1), { 'grpc-status': '0' }),
    Status.INTERNAL,
    /the answer of the gRPC server ends in the middle/,
  ],
  [
    'a length of 4 GiB',
    answering(Uint8Array.of(0, 255, 255, 255, 255), { 'grpc-status': '0' }),
    Status.RESOURCE_EXHAUSTED,
    /4294967295 bytes is above .*server\.maxSendMessageBytes/,
  ],
  [
    'a compressed message',
    answering(Uint8Array.of(1, 0, 0, 0, 0), { 'grpc-status': '0' }, { 'grpc-encoding': 'gzip' }),
    Status.INTERNAL,
    /compressed \(gzip\)/,
  ],
  [
    'bytes that are none',
    only({ ...GRPC, 'grpc-status': '0', 'x-bin': '!' }),
    Status.INTERNAL,
    /'x-bin' takes bytes in base64/,
  ],
  [
    'a header with text that is none',
    answering(HI, { 'grpc-status': '0' }, { x: 'gr\u00f6\u00dfer' }),
    Status.INTERNAL,
    /illegal characters/,
  ],
])('%s', async (_, answer, code, details) => {
  const error = await refusal(answer).catch((unexpected: unknown) => unexpected as RpcError);
  expect(error).toMatchObject({ code, maybeExecuted: true });
  expect(error.details).toMatch(details);
});

test.each([
  ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR, Status.INTERNAL],
  ['CANCEL', constants.NGHTTP2_CANCEL, Status.CANCELLED],
  ['ENHANCE_YOUR_CALM', constants.NGHTTP2_ENHANCE_YOUR_CALM, Status.RESOURCE_EXHAUSTED],
  ['INADEQUATE_SECURITY', constants.NGHTTP2_INADEQUATE_SECURITY, Status.PERMISSION_DENIED],
])('a stream that is reset with %s', async (name, rstCode, code) => {
  const error = await refusal((stream) => {
    stream.close(rstCode);
  });
  expect(error).toMatchObject({ code, maybeExecuted: true });
  expect(error.details).toBe(`the gRPC server ended the call's stream with ${name}`);
});

test('[AMO-3] a refused stream is tried again, of any method, and certain not to have run', async () => {
  let streams = 0;
  const client = await serving((stream) => {
    streams++;
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  expect(await client.refusal('Bidi')).toMatchObject({
    code: Status.UNAVAILABLE,
    maybeExecuted: false,
    attempts: 4,
  });
  expect(streams).toBe(4);
});

test('a call whose answer has begun may have run, though GOAWAY does not count it, and is not made again', async () => {
  let streams = 0;
  const client = await serving((stream) => {
    streams++;
    if (streams === 1) {
      answering(HI, { 'grpc-status': '0' })(stream);
      return;
    }
    stream.respond(GRPC);
    stream.write(HI, () => {
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
      stream.session?.destroy();
    });
  });
  expect((await outcome(client.call('Unary', [bytes('ask')]))).code).toBe(Status.OK);
  expect(await client.refusal('Unary')).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: true });
  expect(streams).toBe(2);
});

test('a reset behind the status changes nothing about it', async () => {
  const client = await serving((stream) => {
    answering(HI, { 'grpc-status': '0' })(stream);
    stream.once('wantTrailers', () => {
      setImmediate(() => {
        stream.close(constants.NGHTTP2_NO_ERROR);
      });
    });
  });
  const { code, messages } = await outcome(client.call('Bidi', [bytes('ask')]));
  expect([code, messages.map(text)]).toEqual([Status.OK, ['hi']]);
});

test('a connection that breaks in the middle of an answer is UNAVAILABLE, and nothing is done twice', async () => {
  let streams = 0;
  const client = await serving((stream) => {
    streams++;
    stream.respond(GRPC);
    stream.write(HI, () => {
      stream.session?.destroy();
    });
  });
  const { code, details } = await outcome(client.call('Bidi', [bytes('ask')]));
  expect(code).toBe(Status.UNAVAILABLE);
  expect(details).toBe(
    'the connection to the gRPC server was lost before it had answered: the call may have run',
  );
  expect(streams).toBe(1);
});

test('GOAWAY lets calls that run end, and the next go over another connection', async () => {
  const sessions = new Set<unknown>();
  const client = await serving((stream) => {
    sessions.add(stream.session);
    stream.session?.goaway();
    answering(HI, { 'grpc-status': '0' })(stream);
  });
  for (let count = 0; count < 3; count++) {
    expect((await outcome(client.call('Unary', [bytes('ask')]))).code).toBe(Status.OK);
  }
  expect(sessions.size).toBe(3);
});

test('[AMO-3] a call behind the last that GOAWAY counts is made again over another connection, of any method', async () => {
  const ids: number[] = [];
  const client = await serving((stream) => {
    ids.push(stream.id ?? 0);
    if (ids.length !== 2) {
      answering(HI, { 'grpc-status': '0' })(stream);
      return;
    }
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
    stream.session?.destroy();
  });
  expect((await outcome(client.call('Unary', [bytes('ask')]))).code).toBe(Status.OK);
  expect((await outcome(client.call('Unary', [bytes('ask')]))).code).toBe(Status.OK);
  expect(ids).toEqual([1, 3, 1]);
});

test('[AMO-3] a call that waited for a stream when the connection broke is made again, of any method', async () => {
  const [holding, asked, heldToTheEnd] = [occasion(), occasion(), occasion()];
  const answered: number[] = [];
  const server = createServer({ settings: { maxConcurrentStreams: 1 } });
  server.once('stream', (held) => {
    held.on('error', () => undefined);
    held.once('data', () => {
      holding.happens();
      held.once('data', () => held.session?.destroy());
    });
    server.on('stream', (stream) => {
      answered.push(stream.id ?? 0);
      answering(HI, { 'grpc-status': '0' })(stream.resume());
    });
  });
  const client = await clientOf(server);
  const requests = (async function* () {
    yield bytes('held');
    await asked.promise;
    yield bytes('the other call is at the gateway now, too');
    await heldToTheEnd.promise;
  })();
  const first = outcome(client.call('Bidi', requests));
  await holding.promise;
  const second = outcome(client.call('Unary', [bytes('waits')]));
  asked.happens();
  expect((await first).code).toBe(Status.UNAVAILABLE);
  expect((await second).code).toBe(Status.OK);
  expect(answered).toEqual([1]);
  heldToTheEnd.happens();
});

test('a server that speaks something else is UNAVAILABLE, and the answer says what it may be', async () => {
  const client = await clientOf(
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    }),
  );
  const error = await client.refusal('Unary');
  expect(error.code).toBe(Status.UNAVAILABLE);
  expect(error.details).toMatch(/speaks no HTTP\/2|closed by the other side|connection/);
});

test('what is said of a call to the gRPC server', async () => {
  const headers: IncomingHttpHeaders[] = [];
  const client = await serving((stream, header) => {
    headers.push(header);
    answering(HI, { 'grpc-status': '0' })(stream);
  });
  const metadata = Metadata({ k: 'v', 'content-length': '99', connection: 'close' });
  const call = client.call('Unary', [bytes('ask')], { metadata, timeoutMs: 5_000 });
  expect((await outcome(call)).code).toBe(Status.OK);
  const [{ 'grpc-timeout': timeout, ...header } = {}] = headers;
  expect(header).toMatchObject({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/bytes.v1.Bytes/Unary',
    te: 'trailers',
    'content-type': 'application/grpc',
    'grpc-accept-encoding': 'identity',
    'user-agent': 'udprpc-gateway',
    k: 'v',
  });
  expect(Object.keys(header)).not.toContain('connection');
  expect(timeout).toMatch(/^(5000|4\d\d\d)m$/);
});
