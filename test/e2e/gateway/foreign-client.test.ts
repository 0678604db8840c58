/** A gRPC client that is none of Node's, python3-grpcio as Debian has it, calls a UDP server of bytes through the gateway. */
import { jest } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Metadata, Status } from '../../../src/index.js';
import { createGrpcToUdpGateway } from '../../../src/gateway/index.js';
import { drain, entriesOf, Failure, SERVICE } from './bytes-service.js';
import { closeLater, listenGateway } from './routes.js';
import { serveUdp } from './udp-end.js';

jest.setTimeout(60_000);

const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('../../support/grpc-client.py', import.meta.url));
const isThere = spawnSync(PYTHON, ['-c', 'import grpc']).status === 0;
const title = isThere ? '' : ' (skipped: apt-get install python3-grpcio)';

(isThere ? test : test.skip)(`gRPC for Python calls methods of all kinds${title}`, async () => {
  const received: unknown[] = [];
  const server = closeLater(
    await serveUdp(async function* (call) {
      received.push(entriesOf(call.metadata));
      if (call.metadata.has('fail')) {
        await drain(call.requests);
        call.trailer.set('why', 'because');
        throw new Failure(Status.NOT_FOUND, 'größer', Uint8Array.of(1, 2));
      }
      call.sendHeader(Metadata({ 'in-header': 'h', 'header-bin': Uint8Array.of(0, 255) }));
      call.trailer.set('in-trailer', 't');
      let size = 0;
      for await (const message of call.requests) {
        size += message.length;
        if (call.kind === 'ServerStream' || call.kind === 'Bidi') yield message;
      }
      yield new TextEncoder().encode(String(size));
    }),
  );
  const port = await listenGateway(createGrpcToUdpGateway({ target: `udp://127.0.0.1:${server.port}` }));
  const { stdout } = await promisify(execFile)(PYTHON, [PROGRAM, `127.0.0.1:${port}`, `/${SERVICE}/`]);
  const meta = { header: { 'in-header': 'h', 'header-bin': '00ff' }, trailer: { 'in-trailer': 't' } };
  expect(JSON.parse(stdout)).toEqual({
    unary: { messages: ['32'], ...meta },
    serverStream: { messages: ['6869', '32'], ...meta },
    clientStream: { messages: ['353030303032'], ...meta },
    bidi: { messages: ['61', '', '62', '32'], ...meta },
    failed: {
      code: 'NOT_FOUND',
      details: 'größer',
      trailer: { why: 'because', 'grpc-status-details-bin': '0102' },
    },
    late: { code: 'DEADLINE_EXCEEDED' },
  });
  expect(received[0]).toMatchObject({ text: ['v'], 'raw-bin': [Uint8Array.of(0, 1, 255)] });
});
