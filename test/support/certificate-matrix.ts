/**
 * Every certificate that must not let anybody in, tried at real servers, in a process of its own: jest gives tests a copy of the
 * environment, which node:tls does not look at. Prints what came of each as one line of JSON: `{ "title": { … } }`.
 */
import assert from 'node:assert/strict';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type Channel,
  type ChannelTlsOptions,
  createChannel,
  createClient,
  createServer,
  RpcError,
  type Server,
  type ServerTlsOptions,
  Status,
} from '../../src/index.js';
import { certificates } from './certificates.js';

export interface MatrixOutcome {
  readonly status: string;
  readonly details: string;
  readonly maybeExecuted: boolean;
  /** Handlers that ran for it. */
  readonly ran: number;
}

const made = await certificates();
const { authority, localServer, client } = made;
const trusting = { ca: authority.cert };
let ran = 0;

async function serve(tls: ServerTlsOptions, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer({ tls });
  const nothing = (): never => {
    throw new Error('not served here');
  };
  server.add(TestServiceDefinition, {
    echo: ({ payload }) => {
      ran++;
      return { payload };
    },
    ...{ put: nothing, add: nothing, download: nothing, upload: nothing, chat: nothing },
  });
  return { server, port: await server.listen(`127.0.0.1:${port}`) };
}

async function call(channel: Channel): Promise<MatrixOutcome> {
  const before = ran;
  try {
    await createClient(TestServiceDefinition, channel).echo({ payload: Uint8Array.of(1) });
    return { status: 'OK', details: '', maybeExecuted: true, ran: ran - before };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const { code, details, maybeExecuted } = error;
    return { status: Status[code], details, maybeExecuted, ran: ran - before };
  }
}

async function callOnce(port: number, tls: ChannelTlsOptions): Promise<MatrixOutcome> {
  const channel = createChannel(`udps://127.0.0.1:${port}`, { tls });
  const outcome = await call(channel);
  await channel.close();
  return outcome;
}

async function tryOnce(ofServer: ServerTlsOptions, ofChannel: ChannelTlsOptions): Promise<MatrixOutcome> {
  const { server, port } = await serve(ofServer);
  const outcome = await callOnce(port, ofChannel);
  await server.shutdown({ graceMs: 0 });
  return outcome;
}

/** This process has tickets of a server, and asks the same one for another name. */
async function tryOtherName(): Promise<MatrixOutcome> {
  const { server, port } = await serve(made.server);
  const tls = { ...trusting, servername: 'cam.example' };
  assert.equal((await callOnce(port, tls)).status, 'OK');
  const outcome = await callOnce(port, { ...tls, servername: 'other.example' });
  await server.shutdown({ graceMs: 0 });
  return outcome;
}

/** A channel has a ticket, and behind its target is now a server with a certificate for another name. */
async function tryOtherServer(): Promise<MatrixOutcome> {
  const { server, port } = await serve(made.server);
  const tls = { ...trusting, servername: 'cam.example' };
  const channel = createChannel(`udps://127.0.0.1:${port}`, { tls });
  assert.equal((await call(channel)).status, 'OK');
  const closed = new Promise<void>((resolve) => {
    channel.on('state', ({ to }) => {
      if (to === 'idle') resolve();
    });
  });
  await server.shutdown({ graceMs: 0 });
  await closed;
  const other = await serve(made.secondServer, port);
  const outcome = await call(channel);
  await channel.close();
  await other.server.shutdown({ graceMs: 0 });
  return outcome;
}

const asking: ServerTlsOptions = { ...localServer, requestCert: true, ca: authority.cert };
const outcomes: Record<string, MatrixOutcome> = {
  'what must be let in': await tryOnce(asking, { ...trusting, ...client }),
  'expired server certificate': await tryOnce(made.expiredLocalServer, trusting),
  'foreign server certificate': await tryOnce(made.foreignLocalServer, trusting),
  'server certificate for another name': await tryOnce(made.server, trusting),
  'self-signed server certificate': await tryOnce(made.selfSignedLocalServer, trusting),
  'no client certificate': await tryOnce(asking, trusting),
  'foreign client certificate': await tryOnce(asking, { ...trusting, ...made.foreignClient }),
  'expired client certificate': await tryOnce(asking, { ...trusting, ...made.expiredClient }),
  'a ticket, and another name': await tryOtherName(),
  'a ticket, and another server': await tryOtherServer(),
};
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
