/**
 * Many clients in one process, all behind one socket: each a channel that has made one call, and then a stream that is
 * open and never used, so that its connection is kept by PINGs and by nothing else.
 */
import { realEnvironment } from '../../src/driver/real-environment.js';
import { plaintextMeans } from '../../src/driver/plaintext-means.js';
import { UdpSocket } from '../../src/driver/udp-socket.js';
import { createClient } from '../../src/index.js';
import { Channel } from '../../src/rpc/client/channel.js';
import { DEFAULT_TRANSPORT_OPTIONS } from '../../src/transport/connection/transport-options.js';
import { DEFAULT_ENDPOINT_LIMITS } from '../../src/transport/endpoint/endpoint.js';
import { EndpointPump } from '../../src/transport/endpoint/endpoint-pump.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { REQUEST, TestServiceDefinition } from '../peers/payload.mjs';

const [port, count, idleTimeoutMs] = process.argv.slice(2).map(Number);
/** Connections that are being made at a time. */
const AT_ONCE = 50;

const socket = await UdpSocket.bind(
  { ip: '127.0.0.1', port: 0 },
  {
    onDatagram: (datagram, remote) => pump.handleDatagram(datagram, remote, 0),
    onSocketError: () => undefined,
    onReleased: (transmit) => pump.release(transmit),
  },
);
const pump = new EndpointPump({
  config: {
    role: 'client',
    versions: [ProtocolVersion.PLAINTEXT],
    options: { ...DEFAULT_TRANSPORT_OPTIONS, idleTimeoutMs },
    limits: DEFAULT_ENDPOINT_LIMITS,
  },
  means: plaintextMeans(realEnvironment.random),
  clock: realEnvironment.clock,
  send: (transmit) => socket.send(transmit),
});
let connected = 0;
/** Over the socket that all share. */
const connectorOf = (own) => ({
  target: `udp://127.0.0.1:${port}`,
  connect(handler) {
    queueMicrotask(() => {
      const transport = pump.connect({ ip: '127.0.0.1', port }, 0);
      own.transport = transport;
      transport.listener = handler.onTransport(transport);
    });
    return { cancel: () => undefined };
  },
  close: () => Promise.resolve(),
});

let next = 0;
const channels = [];
await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
process.once('message', () => {
  for (const channel of channels) void channel.close();
});
process.send({ connected });

async function connectSome() {
  while (next++ < count) {
    const own = {};
    const channel = new Channel(connectorOf(own), realEnvironment);
    channels.push(channel);
    await createClient(TestServiceDefinition, channel).echo(REQUEST);
    own.transport.openStream();
    // Nothing is written that would make its deadline be looked at again.
    pump.endpoint.touch(own.transport.connection);
    pump.flush();
    connected++;
  }
}
