import { jest } from '@jest/globals';
import { DEAF_LISTENER } from '../../../support/deaf-listener.js';
import { tapHandshake } from '../../../support/packet-forge.js';
import { CLIENT_ADDRESS, SERVER_ADDRESS, testMeans } from '../../../support/endpoint-pair.js';
import { VirtualClock } from '../../../../src/sim/virtual-clock.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../../../src/transport/connection/transport-options.js';
import { DEFAULT_ENDPOINT_LIMITS, type EndpointMeans } from '../../../../src/transport/endpoint/endpoint.js';
import { type ConnectionTransport } from '../../../../src/transport/endpoint/connection-transport.js';
import { EndpointPump, type PumpOptions } from '../../../../src/transport/endpoint/endpoint-pump.js';
import { type StreamTransport } from '../../../../src/transport/stream-transport.js';
import { ProtocolVersion } from '../../../../src/transport/wire/version.js';

/** Time stands still: what one side sends is handed to the other, a turn of the loop for each flight. */
class PumpPair {
  readonly clock = new VirtualClock(1_000);
  readonly toServer: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];
  readonly client = this.pump('client', this.toServer);
  readonly server: EndpointPump;

  constructor(accept: NonNullable<PumpOptions['accept']>, ofServer: EndpointMeans = testMeans()) {
    this.server = this.pump('server', this.toClient, accept, ofServer);
  }

  endTurn(): void {
    this.clock.runSoon();
    this.clock.endTurn();
  }

  serverTakesAll(): void {
    for (const bytes of this.toServer.splice(0)) this.server.handleDatagram(bytes, CLIENT_ADDRESS, 0);
    this.endTurn();
  }

  clientTakesAll(): void {
    for (const bytes of this.toClient.splice(0)) this.client.handleDatagram(bytes, SERVER_ADDRESS, 0);
    this.endTurn();
  }

  private pump(
    role: 'client' | 'server',
    sent: Uint8Array[],
    accept?: NonNullable<PumpOptions['accept']>,
    means: EndpointMeans = testMeans(),
  ): EndpointPump {
    const pump: EndpointPump = new EndpointPump({
      config: {
        role,
        versions: [ProtocolVersion.PLAINTEXT],
        options: DEFAULT_TRANSPORT_OPTIONS,
        limits: DEFAULT_ENDPOINT_LIMITS,
      },
      means,
      clock: this.clock,
      send: (transmit) => {
        sent.push(transmit.bytes.slice(0, transmit.length));
        pump.release(transmit);
      },
      ...(accept && { accept }),
    });
    return pump;
  }
}

describe('a pump', () => {
  test('sends one datagram for all that a receiver reads in one turn', () => {
    // As many full datagrams as the pacer lets go at once, and none of them beyond.
    const answer = new Uint8Array(10_000);
    const pair = new PumpPair((transport) => ({
      ...DEAF_LISTENER,
      onStreamReadable: (id) => {
        while (transport.readStream(id) instanceof Uint8Array);
        transport.writeStream(id, [answer], true);
      },
    }));
    const transport = pair.client.connect(SERVER_ADDRESS, 0);
    let readBytes = 0;
    transport.listener = {
      ...DEAF_LISTENER,
      onStreamReadable: (id) => {
        for (;;) {
          const piece = transport.readStream(id);
          if (!(piece instanceof Uint8Array)) return;
          readBytes += piece.length;
        }
      },
    };
    pair.endTurn();
    while (!transport.isReady || pair.toServer.length > 0) {
      pair.serverTakesAll();
      pair.clientTakesAll();
    }
    const id = transport.openStream() ?? -1;
    transport.writeStream(id, [new Uint8Array(1)], true);
    pair.endTurn();
    pair.serverTakesAll();
    expect(pair.toClient.length).toBeGreaterThan(8);

    for (const bytes of pair.toClient.splice(0)) {
      pair.client.handleDatagram(bytes, SERVER_ADDRESS, 0);
      pair.clock.runSoon();
    }
    expect([readBytes, pair.toServer.length]).toEqual([answer.length, 0]);
    pair.clock.endTurn();
    expect(pair.toServer).toHaveLength(1);
  });

  test('[AMO-3] which server it was is known when the connection has ended, though nobody asked before', () => {
    const pair = new PumpPair(() => DEAF_LISTENER);
    const client = pair.client.connect(SERVER_ADDRESS, 0);
    client.listener = DEAF_LISTENER;
    pair.endTurn();
    for (let flight = 0; flight < 4; flight++) {
      pair.serverTakesAll();
      pair.clientTakesAll();
    }
    expect(client.isReady).toBe(true);
    client.close(0, '');
    expect(client.isReady).toBe(false);
    expect(client.peerIncarnation).toMatch(/^[0-9a-f]{16}$/);
  });

  test("[AMO-4] [STR-10] a client's transport says which server it is and gets its stream, the server's neither", () => {
    let server: StreamTransport | undefined;
    const pair = new PumpPair((transport) => {
      server = transport;
      return DEAF_LISTENER;
    });
    const client = pair.client.connect(SERVER_ADDRESS, 0);
    const told: string[] = [];
    client.listener = {
      ...DEAF_LISTENER,
      onStreamOpened: (id, isFirstFlight) => told.push(`opened ${id} ${isFirstFlight}`),
      onStreamReadable: (id) => told.push(`readable ${id} ${String(client.readStream(id))}`),
    };
    expect(client.peerIncarnation).toBeUndefined();
    pair.endTurn();
    for (let flight = 0; flight < 4; flight++) {
      pair.serverTakesAll();
      pair.clientTakesAll();
    }
    expect(client.isReady).toBe(true);
    expect(client.peerIncarnation).toMatch(/^[0-9a-f]{16}$/);
    expect(server?.peerIncarnation).toBeUndefined();
    expect([server?.openStream(), server?.openStream()]).toEqual([1, undefined]);
    server?.writeStream(1, [Uint8Array.of(4, 0)], true);
    pair.endTurn();
    pair.clientTakesAll();
    expect(told).toEqual(['opened 1 false', 'readable 1 4,0']);
  });

  test('sends what makes a datagram as soon as it is written, and the rest at the end of the turn', () => {
    const pair = new PumpPair(() => DEAF_LISTENER);
    const transport = connected(pair);
    const write = (bytes: number): void => {
      transport.writeStream(transport.openStream() ?? -1, [new Uint8Array(bytes)], true);
    };
    write(400);
    write(400);
    expect(pair.toServer).toHaveLength(0);
    write(400);
    expect(pair.toServer.map((bytes) => bytes.length)).toEqual([1_200]);
    write(400);
    expect(pair.toServer).toHaveLength(1);
    pair.endTurn();
    // The rest, and a probe for a larger size, because one was full.
    expect(pair.toServer.splice(0).length).toBeGreaterThan(1);
    write(400);
    write(400);
    expect(pair.toServer).toHaveLength(0);
  });

  test('tells a listener nothing while it writes, however much that is', () => {
    let isWriting = false;
    let wasToldMeanwhile = false;
    const pair = new PumpPair((transport) => ({
      ...DEAF_LISTENER,
      onStreamWritable: () => {
        wasToldMeanwhile ||= isWriting;
      },
      onStreamReadable: (id) => {
        while (transport.readStream(id) instanceof Uint8Array);
        isWriting = true;
        transport.writeStream(id, [new Uint8Array(4 << 20)], false);
        isWriting = false;
      },
    }));
    const transport = connected(pair);
    transport.writeStream(transport.openStream() ?? -1, [new Uint8Array(1)], true);
    pair.endTurn();
    pair.serverTakesAll();
    expect(pair.toClient.length).toBeGreaterThan(8);
    expect(wasToldMeanwhile).toBe(false);
  });

  test('before the handshake is over all that is written leaves in one flight', () => {
    const pair = new PumpPair(() => DEAF_LISTENER);
    const transport = pair.client.connect(SERVER_ADDRESS, 0);
    for (let i = 0; i < 8; i++) {
      transport.writeStream(transport.openStream() ?? -1, [new Uint8Array(400)], true);
    }
    expect(pair.toServer).toHaveLength(0);
    pair.endTurn();
    expect(pair.toServer.length).toBeGreaterThan(0);
  });

  test('what a handshake says late leaves at the end of the turn, with what its listener then writes', () => {
    const means = testMeans();
    let hear = (): void => undefined;
    const late: EndpointMeans['createHandshake'] = (context) => {
      const inner = means.createHandshake(context);
      const onBytes = (bytes: Uint8Array): void => {
        hear = () => {
          inner.onBytes(bytes);
          context.wake();
        };
      };
      return { ...tapHandshake(inner, (event) => event), onBytes };
    };
    const pair = new PumpPair(
      (transport) => ({
        ...DEAF_LISTENER,
        onReady: () => void transport.writeStream(transport.openStream() ?? -1, [new Uint8Array(100)], true),
      }),
      { ...means, createHandshake: late },
    );
    pair.client.connect(SERVER_ADDRESS, 0);
    pair.endTurn();
    pair.serverTakesAll();
    pair.toClient.length = 0;
    hear();
    pair.clock.runSoon();
    expect(pair.toClient).toEqual([]);
    pair.clock.endTurn();
    expect(pair.toClient).toHaveLength(1);
  });

  test('a flush that came first leaves nothing to do for the one at the end of the turn', () => {
    const pair = new PumpPair(() => DEAF_LISTENER);
    const transport = connected(pair);
    const pollTransmit = jest.spyOn(pair.client.endpoint, 'pollTransmit');
    transport.writeStream(transport.openStream() ?? -1, [new Uint8Array(1)], true);
    pair.clock.runSoon();
    const polls = pollTransmit.mock.calls.length;
    expect([polls > 0, pair.toServer.length]).toEqual([true, 1]);
    pair.clock.endTurn();
    expect(pollTransmit).toHaveBeenCalledTimes(polls);
  });
});

/** Ready, and with nothing left to say on either side. */
function connected(pair: PumpPair): ConnectionTransport {
  const transport = pair.client.connect(SERVER_ADDRESS, 0);
  pair.endTurn();
  while (!transport.isReady || pair.toServer.length > 0) {
    pair.serverTakesAll();
    pair.clientTakesAll();
  }
  return transport;
}
