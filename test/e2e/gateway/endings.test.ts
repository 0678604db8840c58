/** How calls end when a server does, or the gateway: in a status that says what happened, and the next call is as good as new. */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { RpcError, Status } from '../../../src/index.js';
import { createGrpcToUdpGateway, createUdpToGrpcGateway } from '../../../src/gateway/index.js';
import { type Behaviour, bytes, occasion, outcome, SERVICE, text } from './bytes-service.js';
import { grpcClient, serveGrpc } from './grpc-end.js';
import { closeAll, closeLater, listenGateway, ROUTES } from './routes.js';
import { serveUdp, udpClient } from './udp-end.js';

const echo: Behaviour = (call) => call.requests;

describe.each(ROUTES)('$route', ({ open, endsIn }) => {
  test('a server that goes away ends its calls with UNAVAILABLE', async () => {
    const { client, server } = await open(async function* (call) {
      yield bytes('first');
      yield* call.requests;
    });
    const never = occasion();
    const requests = (async function* () {
      await never.promise;
      yield bytes('never');
    })();
    const call = client.call('Bidi', requests);
    expect((await call.messages[Symbol.asyncIterator]().next()).value).toEqual(bytes('first'));
    const reading = outcome(call);
    await server.close();
    const { code, details } = await reading;
    expect(code).toBe(Status.UNAVAILABLE);
    expect(details).toMatch(endsIn === 'gRPC' ? /connection to the gRPC server was lost/ : /shut down/);
    never.happens();
  });

  test('a shutdown lets calls that run end', async () => {
    const running = occasion();
    const draining = occasion();
    const { client, gateways } = await open(async function* (call) {
      running.happens();
      await draining.promise;
      yield* call.requests;
    });
    const call = outcome(client.call('Unary', [bytes('late')]));
    await running.promise;
    const shutdowns = gateways.map((gateway) => gateway.shutdown());
    draining.happens();
    const { code, messages } = await call;
    expect([code, messages.map(text)]).toEqual([Status.OK, ['late']]);
    await Promise.all(shutdowns);
  });

  test('a shutdown without grace answers calls that run, and aborts them', async () => {
    const running = occasion();
    const stopped = occasion();
    const { client, gateways } = await open(async function* (call) {
      call.signal.addEventListener('abort', stopped.happens);
      running.happens();
      await stopped.promise;
      yield bytes('unheard');
    });
    const call = outcome(client.call('Bidi', [bytes('ask')]));
    await running.promise;
    await gateways[0]?.shutdown({ graceMs: 0 });
    const { code, details } = await call;
    expect(code).toBe(Status.UNAVAILABLE);
    expect(details).toMatch(/shut down/);
    await stopped.promise;
  });
});

describe('a gateway to a gRPC server', () => {
  test('that is not there says what to do, and is certain that nothing has run', async () => {
    const gone = await serveGrpc(echo);
    await gone.close();
    const gateway = createUdpToGrpcGateway({ target: `http://127.0.0.1:${gone.port}` });
    const client = closeLater(udpClient(`udp://127.0.0.1:${await listenGateway(gateway)}`));
    const error = await client.refusal('Unary');
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
    expect(error.details).toBe(
      `http://127.0.0.1:${gone.port}: no gRPC server listens there: start it, or give the gateway another target (ECONNREFUSED)`,
    );
    // What is certain not to have run is made again, though nobody has said that it may run twice.
    expect(error.attempts).toBe(4);
  });

  test('that comes back is found by the next call', async () => {
    const first = await serveGrpc(echo);
    const gateway = createUdpToGrpcGateway({ target: `http://127.0.0.1:${first.port}` });
    const client = closeLater(udpClient(`udp://127.0.0.1:${await listenGateway(gateway)}`));
    expect((await outcome(client.call('Unary', [bytes('1')]))).code).toBe(Status.OK);
    await first.close();
    closeLater(await serveGrpc(echo, {}, undefined, first.port));
    const { code, messages } = await outcome(client.call('Unary', [bytes('2')]));
    expect([code, messages.map(text)]).toEqual([Status.OK, ['2']]);
  });
});

describe('a gateway to a UDP server', () => {
  test('that is not there says so', async () => {
    const gone = await serveUdp(echo);
    await gone.close();
    const gateway = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${gone.port}` });
    const client = closeLater(grpcClient(`127.0.0.1:${await listenGateway(gateway)}`));
    const { code, details } = await outcome(client.call('Unary', [bytes('ask')]));
    expect(code).toBe(Status.UNAVAILABLE);
    expect(details).toContain(`127.0.0.1:${gone.port}`);
  });

  test('that comes back is found by the next call', async () => {
    const first = await serveUdp(echo);
    const gateway = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${first.port}` });
    const client = closeLater(grpcClient(`127.0.0.1:${await listenGateway(gateway)}`));
    expect((await outcome(client.call('Unary', [bytes('1')]))).code).toBe(Status.OK);
    await first.close();
    closeLater(await serveUdp(echo, {}, `127.0.0.1:${first.port}`));
    expect((await outcome(client.call('Unary', [bytes('2')]))).code).toBe(Status.OK);
  });
});

test('a shutdown says GOAWAY to gRPC clients while their calls run, so that the next go elsewhere', async () => {
  const server = closeLater(await serveUdp(echo));
  const gateway = createGrpcToUdpGateway({ target: `udp://127.0.0.1:${server.port}` });
  const session = connect(`http://127.0.0.1:${await listenGateway(gateway)}`);
  const fields = { ':method': 'POST', ':path': `/${SERVICE}/Bidi`, te: 'trailers' };
  const stream = session.request({ ...fields, 'content-type': 'application/grpc' });
  stream.write(Uint8Array.of(0, 0, 0, 0, 0));
  await once(stream, 'data');
  const goaway = once(session, 'goaway');
  const shutdown = gateway.shutdown();
  await goaway;
  stream.end();
  await once(stream, 'close');
  await shutdown;
});

test('a gateway listens once, and not after its shutdown', async () => {
  const gateway = createGrpcToUdpGateway({ target: 'udp://127.0.0.1:9' });
  const port = await listenGateway(gateway);
  await expect(gateway.listen('127.0.0.1:0')).rejects.toThrow('already been called');
  const other = createGrpcToUdpGateway({ target: 'udp://127.0.0.1:9' });
  await expect(other.listen(`127.0.0.1:${port}`)).rejects.toThrow('the port is in use');
  await other.shutdown();
  await expect(other.listen('127.0.0.1:0')).rejects.toThrow('does not listen again');
  await closeAll();
});
