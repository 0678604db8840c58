import { type TransportOptions } from '../../../../src/transport/connection/transport-options.js';
import { EndpointPair } from '../../../support/endpoint-pair.js';

const MIB = 1 << 20;
const RTT = 600;

interface Transfer {
  readonly roundTrips: number;
  readonly largestHeldBytes: number;
  readonly largestInFlight: number;
}

/** A server sends `bytes` on one stream over a path of 600 ms that carries any rate; the client reads at once. */
function transfer(bytes: number, options: Partial<TransportOptions> = {}): Transfer {
  const pair = new EndpointPair({ delayMs: RTT / 2, client: options, server: options });
  const { client, server } = pair.establish();
  const id = client.openStream() ?? -1;
  client.writeStream(id, [Uint8Array.of(1)], true);
  pair.run(() => server.openStreamCount > 0);
  const piece = new Uint8Array(MIB);
  const startedAt = pair.now;
  let written = 0;
  let read = 0;
  let largestHeldBytes = 0;
  let largestInFlight = 0;
  pair.run(() => {
    while (written < bytes) {
      const taken = server.writeStream(id, [piece.subarray(0, Math.min(MIB, bytes - written))], false);
      if (taken === 0) break;
      written += taken;
    }
    pair.server.touch(server);
    for (let got = client.readStream(id); got instanceof Uint8Array; got = client.readStream(id))
      read += got.length;
    pair.client.touch(client);
    pair.flights.length = 0;
    largestHeldBytes = Math.max(largestHeldBytes, pair.server.bufferBytes);
    largestInFlight = Math.max(largestInFlight, server.bytesInFlight);
    return read === bytes;
  }, 600_000);
  expect(read).toBe(bytes);
  return { roundTrips: (pair.now - startedAt) / RTT, largestHeldBytes, largestInFlight };
}

describe('one stream over a path of 600 ms', () => {
  test('[FLC-7] keeps in flight what 100 Mbit/s need, by windows and buffers that grow', () => {
    const { roundTrips, largestHeldBytes, largestInFlight } = transfer(20 * MIB);
    expect(largestInFlight).toBeGreaterThan(100e6 / 8 / (1_000 / RTT));
    // The window of congestion doubles nine times from 38,400 bytes to 16 MiB, and nothing else is waited for.
    expect(roundTrips).toBeLessThan(13);
    expect(largestHeldBytes).toBeLessThan(16.1 * MIB);
  }, 60_000);

  test('has no more in flight than the windows and buffers that it is given', () => {
    const limits = { maxStreamWindow: MIB, maxSendBufferPerStream: MIB };
    const { roundTrips, largestHeldBytes, largestInFlight } = transfer(4 * MIB, limits);
    expect(largestInFlight).toBeLessThan(1.1 * MIB);
    expect(largestHeldBytes).toBeLessThan(1.1 * MIB);
    expect(roundTrips).toBeGreaterThan(8);
  }, 60_000);
});
