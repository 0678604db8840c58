import { EndpointPair } from '../../../support/endpoint-pair.js';

const CALL = new TextEncoder().encode('a small call');
/** Longer than a HELLO packet that only acknowledges. */
const HANDSHAKE_BYTES = 60;

test('[HSK-6] a lost hello of a server is repeated although its window is full of what its client cannot open', () => {
  const pair = new EndpointPair();
  let isHelloLost = true;
  pair.filter = ({ from, bytes }) => {
    const isHello = from === 'server' && (bytes[0] ?? 0) >= 0x80;
    return isHello && isHelloLost && bytes.length > HANDSHAKE_BYTES ? undefined : bytes;
  };
  const call = (): void => {
    client.writeStream(client.openStream() ?? -1, [CALL], true);
    pair.client.touch(client);
  };
  const client = pair.connect();
  call();
  // The client's probe is acknowledged, and with that it knows the server's ID; its next packet proves its address.
  pair.run(() => false, 320);
  call();
  pair.run(() => pair.accepted[0]?.path.isValidated === true, 1_000);
  const server = pair.accepted[0];
  expect(server?.path.isValidated).toBe(true);
  expect(client.isReady).toBe(false);
  server?.writeStream(0, [new Uint8Array(200_000)], true);
  if (server !== undefined) pair.server.touch(server);
  pair.run(() => false, 100);
  expect((server?.congestionWindow ?? 0) - (server?.bytesInFlight ?? 0)).toBeLessThan(1_200);
  isHelloLost = false;
  pair.run(() => client.isReady, 3_000);
  expect(client.isReady).toBe(true);
});
