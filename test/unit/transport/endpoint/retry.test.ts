import { type Connection } from '../../../../src/transport/connection/connection.js';
import { type EndpointMeans } from '../../../../src/transport/endpoint/endpoint.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { ByteWriter } from '../../../../src/transport/wire/byte-writer.js';
import {
  decodeHeader,
  type HelloHeader,
  readTruncatedPacketNumber,
  type RetryHeader,
  writeRetryHeader,
} from '../../../../src/transport/wire/header.js';
import { ProtocolVersion } from '../../../../src/transport/wire/version.js';
import { CLIENT_ADDRESS, EndpointPair, type PairOptions, testMeans } from '../../../support/endpoint-pair.js';

const ALWAYS: PairOptions = { serverLimits: { retryAboveHalfOpen: 0 } };
const OTHER_HOST = { ip: '10.0.0.9', port: 50_000 };

interface SentRetry {
  readonly bytes: Uint8Array;
  readonly header: RetryHeader;
  readonly token: Uint8Array;
}

function retriesOf(pair: EndpointPair): SentRetry[] {
  return pair.flights.flatMap(({ from, bytes }) => {
    const header = decodeHeader(bytes, 0, 8);
    return from === 'server' && typeof header !== 'string' && header.kind === 'retry'
      ? [{ bytes, header, token: bytes.subarray(header.tokenStart, -CHECKSUM_BYTES) }]
      : [];
  });
}

const CHECKSUM_BYTES = 4;

interface SentHello {
  readonly bytes: Uint8Array;
  readonly header: HelloHeader;
  readonly packetNumber: number;
}

function hellosOf(pair: EndpointPair): SentHello[] {
  return pair.flights.flatMap(({ from, bytes }) => {
    const header = decodeHeader(bytes, 0, 8);
    return from === 'client' && typeof header !== 'string' && header.kind === 'hello'
      ? [{ bytes, header, packetNumber: readTruncatedPacketNumber(bytes, header) }]
      : [];
  });
}

function at<T>(list: readonly T[], index: number): T {
  const item = list.at(index);
  if (item === undefined) throw new Error(`no item ${index} of ${list.length}`);
  return item;
}

/** A client whose first hello has left, and which nothing reaches but what a test delivers. */
function begun(options: PairOptions = ALWAYS): { pair: EndpointPair; client: Connection; hello: SentHello } {
  const pair = new EndpointPair(options);
  pair.filter = () => undefined;
  const client = pair.connect();
  pair.flush();
  return { pair, client, hello: at(hellosOf(pair), 0) };
}

/** RETRYs to the same hello, as many as wanted. */
function askForRetries(pair: EndpointPair, { bytes }: SentHello, count: number): Uint8Array[] {
  for (let i = 0; i < count; i++) {
    pair.deliver('server', bytes);
    pair.flush();
  }
  return retriesOf(pair).map((retry) => retry.bytes);
}

function forgeRetry(hello: HelloHeader, sourceId: Uint8Array, token: Uint8Array): Uint8Array {
  const { sealer } = testMeans().helloProtection(
    ProtocolVersion.PLAINTEXT,
    hello.destinationId,
    'server',
  ).retry;
  const writer = new ByteWriter(new Uint8Array(1_000));
  writeRetryHeader(writer, { version: hello.version, destinationId: hello.sourceId, sourceId, token });
  return writer.bytes.slice(0, sealer.seal(0, writer.bytes, 0, writer.offset, writer.offset));
}

describe('a server that wants addresses proved', () => {
  test('[RTY-1] answers a hello with a RETRY, smaller than it, and keeps nothing', () => {
    const { pair, hello } = begun();
    const [retry] = askForRetries(pair, hello, 1);
    expect(retry?.length).toBeLessThan(150);
    expect(pair.server.drops.addressNotProven).toBe(1);
    expect([pair.server.connectionCount, pair.server.connectionIdCount]).toEqual([0, 0]);
  });

  test('[RTY-1] does so from the half-open connection on that is one too many', () => {
    const pair = new EndpointPair({ serverLimits: { retryAboveHalfOpen: 2 } });
    pair.filter = () => undefined;
    for (let i = 0; i < 3; i++) pair.connect();
    pair.flush();
    for (const { bytes } of hellosOf(pair)) pair.deliver('server', bytes);
    pair.flush();
    expect(pair.server.connectionCount).toBe(2);
    expect(retriesOf(pair)).toHaveLength(1);
  });

  test('[RTY-1] does not answer the ports of services, and 20,000 a second at most', () => {
    const { pair, hello } = begun();
    pair.deliver('server', hello.bytes, { ...CLIENT_ADDRESS, port: 53 });
    pair.flush();
    expect(retriesOf(pair)).toEqual([]);
    expect(askForRetries(pair, hello, 20_100)).toHaveLength(20_000);
    expect(pair.server.drops.addressNotProven).toBe(20_100);
  }, 30_000);

  test('[RTY-1] opens a hello only when it has a token', () => {
    let openings = 0;
    const means = testMeans();
    const counted: EndpointMeans = {
      ...means,
      helloProtection: (...args) => {
        const { sealer, opener, retry } = means.helloProtection(...args);
        const open: typeof opener.open = (...packet) => {
          if (args[2] === 'server') openings++;
          return opener.open(...packet);
        };
        return { sealer, opener: { ...opener, open }, retry };
      },
    };
    const { pair, hello } = begun({ ...ALWAYS, means: counted });
    const [retry] = askForRetries(pair, hello, 1);
    expect([retriesOf(pair).length, openings]).toEqual([1, 0]);
    pair.deliver('client', at([retry ?? hello.bytes], 0));
    pair.flush();
    const withToken = at(hellosOf(pair), -1).bytes.slice();
    withToken[500] = (withToken[500] ?? 0) ^ 1;
    pair.deliver('server', withToken);
    pair.flush();
    expect([retriesOf(pair).length, openings]).toEqual([1, 1]);
    expect(pair.server.drops.notAuthentic).toBe(1);
  });

  test('[RTY-3] [RTY-4] [RTY-5] the client begins again, once, with the same handshake under new packet numbers', () => {
    const pair = new EndpointPair(ALWAYS);
    const client = pair.connect();
    const stream = client.openStream() ?? -1;
    client.writeStream(stream, [Uint8Array.of(1, 2, 3)], true);
    pair.run(() => client.isReady);
    const { header: retry, token } = at(retriesOf(pair), 0);
    const hellos = hellosOf(pair);
    const [first, second] = [at(hellos, 0), at(hellos, 1)];
    expect([first.header.token.length, String(second.header.token)]).toEqual([0, String(token)]);
    expect(String(second.header.destinationId)).toBe(String(retry.sourceId));
    expect(second.packetNumber).toBeGreaterThan(first.packetNumber);
    expect(second.bytes.length).toBeGreaterThanOrEqual(1_200);
    expect(client.peerParameters).toMatchObject({
      originalDestinationConnectionId: first.header.destinationId,
      retrySourceConnectionId: retry.sourceId,
    });
    const server = at(pair.accepted, 0);
    expect(server.originalDestinationId).toEqual(first.header.destinationId);
    expect([retriesOf(pair).length, pair.accepted.length]).toEqual([1, 1]);
    expect(server.readStream(stream)).toEqual(Uint8Array.of(1, 2, 3));
    expect(client.stats.packetsLost).toBe(0);
    // All of it is forgotten with the connection.
    client.close(0, '', pair.now);
    pair.client.touch(client);
    pair.run();
    expect([pair.server.connectionIdCount, pair.client.connectionIdCount]).toEqual([0, 0]);
  });

  test('[HSK-11] what comes with a token may be replayed too: it is a first flight', () => {
    const pair = new EndpointPair(ALWAYS);
    const client = pair.connect();
    client.writeStream(client.openStream() ?? -1, [Uint8Array.of(1)], true);
    pair.run(() => client.isReady);
    expect(pair.eventsOf('server', 'streamOpened')).toMatchObject([{ isFirstFlight: true }]);
  });

  test('[HSK-8] gives up a client that came with a token and never answered', () => {
    const { pair, hello } = begun();
    const [retry] = askForRetries(pair, hello, 1);
    pair.deliver('client', retry ?? new Uint8Array(0));
    pair.flush();
    pair.deliver('server', at(hellosOf(pair), -1).bytes);
    const [server] = pair.accepted;
    expect([server?.isReady, server?.isAddressValidated]).toEqual([true, true]);
    pair.run(() => server?.closed !== undefined, 11_000);
    expect(server?.closed?.by).toBe('handshakeTimeout');
  });

  test('[HSK-12] a refusal after a RETRY does not prove that nothing was started', () => {
    const pair = new EndpointPair(ALWAYS);
    const client = pair.connect();
    client.writeStream(client.openStream() ?? -1, [Uint8Array.of(1)], true);
    pair.run(() => retriesOf(pair).length > 0);
    pair.server.refuseNew();
    pair.run(() => client.closed !== undefined, 1_000);
    expect(client.closed).toMatchObject({ by: 'peer', code: TransportErrorCode.CONNECTION_REFUSED });
    expect(client.closed?.notStarted).toBeUndefined();
    expect(client.stats.ptoCount).toBe(0);
  });
});

describe('a client', () => {
  test('[RTY-3] follows one RETRY and no other', () => {
    const { pair, client, hello } = begun();
    for (const retry of askForRetries(pair, hello, 2)) pair.deliver('client', retry);
    expect(client.stats.drops.unexpectedRetry).toBe(1);
    pair.flush();
    expect(at(hellosOf(pair), -1).header.destinationId).toEqual(at(retriesOf(pair), 0).header.sourceId);
  });

  test.each<[string, (hello: HelloHeader) => Uint8Array]>([
    ['names the ID of the hello', (hello) => forgeRetry(hello, hello.destinationId, Uint8Array.of(1))],
    ['has an ID of another length', (hello) => forgeRetry(hello, new Uint8Array(7), Uint8Array.of(1))],
    ['has no token', (hello) => forgeRetry(hello, new Uint8Array(8), new Uint8Array(0))],
    ['has a token of 257 bytes', (hello) => forgeRetry(hello, new Uint8Array(8), new Uint8Array(257))],
  ])('[RTY-3] does not follow a RETRY that %s', (_, forge) => {
    const { pair, client, hello } = begun();
    pair.deliver('client', forge(hello.header));
    expect(client.stats.drops.unexpectedRetry).toBe(1);
    expect(client.helloId).toEqual(client.originalDestinationId);
  });

  test('[RTY-3] does not follow a RETRY after any other packet of the server', () => {
    const pair = new EndpointPair({ serverLimits: { retryAboveHalfOpen: 1 } });
    const client = pair.connect();
    pair.run(() => client.stats.packetsReceived > 0);
    pair.deliver('client', forgeRetry(at(hellosOf(pair), 0).header, new Uint8Array(8), Uint8Array.of(1)));
    expect(client.stats.drops.unexpectedRetry).toBe(1);
    pair.run(() => client.isReady);
    expect(client.peerParameters?.retrySourceConnectionId).toBeUndefined();
  });

  test('[HDR-9] does not follow a RETRY that is not for its hello, or was changed', () => {
    const { pair, client, hello } = begun();
    const [retry = new Uint8Array(0)] = askForRetries(pair, hello, 1);
    const changed = retry.slice();
    changed[30] = (changed[30] ?? 0) ^ 1;
    pair.deliver('client', changed);
    const other = { ...hello.header, destinationId: new Uint8Array(8).fill(7) };
    pair.deliver('client', forgeRetry(other, new Uint8Array(8), Uint8Array.of(1)));
    expect(client.stats.drops.notAuthentic).toBe(2);
    pair.deliver('client', retry);
    expect(client.helloId).toEqual(at(retriesOf(pair), 0).header.sourceId);
  });

  test('[VER-3] does not believe a version negotiation after a RETRY', () => {
    const { pair, client, hello } = begun();
    for (const retry of askForRetries(pair, hello, 1)) pair.deliver('client', retry);
    const { sourceId, destinationId } = hello.header;
    const ids = [8, ...sourceId, 8, ...destinationId];
    pair.deliver('client', Uint8Array.of(0x80, 0, 0, 0, 0, ...ids, 0x75, 0x73, 0, 1));
    expect(client.closed).toBeUndefined();
  });

  test('[TPM-7] ends a connection whose server knows nothing of the RETRY that it has followed', () => {
    const pair = new EndpointPair();
    const client = pair.connect();
    pair.filter = () => undefined;
    pair.flush();
    const { header } = at(hellosOf(pair), 0);
    pair.deliver('client', forgeRetry(header, new Uint8Array(8).fill(5), Uint8Array.of(1, 2, 3)));
    pair.filter = ({ bytes }) => bytes;
    pair.run(() => client.closed !== undefined, 1_000);
    expect(client.closed).toMatchObject({
      by: 'local',
      code: TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
      reason: 'the server does not know of the RETRY: it was restarted, or somebody else has sent it',
    });
  });
});

describe('a token of a connection before', () => {
  /** Two connections, the second of which begins where `clientAddress` is by then. */
  function reconnected(options: PairOptions, between: (pair: EndpointPair) => void = () => undefined) {
    const pair = new EndpointPair(options);
    const first = pair.establish();
    pair.run(() => false, 100);
    between(pair);
    const retries = retriesOf(pair).length;
    const client = pair.connect();
    let isProven: boolean | undefined;
    pair.run(() => {
      isProven ??= pair.accepted[1]?.isAddressValidated;
      return isProven !== undefined || retriesOf(pair).length > retries;
    }, 1_000);
    return { pair, first, client, isProven, retries: retriesOf(pair).length - retries };
  }

  test('[TOK-4] [TOK-5] [TOK-6] proves the address of the next one: no limit, no RETRY, not half open', () => {
    const { isProven, retries, pair } = reconnected(ALWAYS);
    expect([isProven, retries]).toEqual([true, 0]);
    const tokens = hellosOf(pair).map(({ header }) => header.token.length);
    expect(at(tokens, -1)).toBeGreaterThan(0);
  });

  test('[TOK-5] is used by one connection: a third at the same time has none', () => {
    const { pair } = reconnected({});
    pair.connect();
    pair.filter = () => undefined;
    pair.flush();
    expect(at(hellosOf(pair), -1).header.token).toHaveLength(0);
  });

  test('[TOK-2] [TOK-4] counts as none from another host, and as good from another port', () => {
    const move = (clientAddress: typeof OTHER_HOST) => (pair: EndpointPair) => {
      pair.clientAddress = clientAddress;
    };
    expect(reconnected({}, move(OTHER_HOST)).isProven).toBe(false);
    expect(reconnected({}, move({ ...CLIENT_ADDRESS, port: 50_000 })).isProven).toBe(true);
    expect(reconnected(ALWAYS, move(OTHER_HOST)).retries).toBe(1);
  });

  test('[TOK-4] is sent again when it is lost', () => {
    const pair = new EndpointPair();
    let isFirst = true;
    // What a server says first has its token in it.
    pair.filter = ({ from, bytes }) => {
      if (from === 'client' || !isFirst) return bytes;
      isFirst = false;
      return undefined;
    };
    pair.establish();
    pair.run(() => false, 500);
    pair.connect();
    pair.run(() => pair.accepted.length === 2);
    expect([isFirst, pair.accepted[1]?.isAddressValidated]).toEqual([false, true]);
  });

  test('[TOK-4] comes anew when the client has moved to another host', () => {
    const { isProven } = reconnected({}, (pair) => {
      pair.clientAddress = OTHER_HOST;
      pair.client.handleRebinding(false, pair.now);
      const [server] = pair.accepted;
      pair.run(() => server?.path.remote.ip === OTHER_HOST.ip && server.path.isValidated, 1_000);
      // It rides with others.
      server?.writeStream(server.openStream() ?? -1, [new Uint8Array(10)], true);
      if (server !== undefined) pair.server.touch(server);
      pair.run(() => false, 200);
    });
    expect(isProven).toBe(true);
  });
});
