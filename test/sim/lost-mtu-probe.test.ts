import { EndpointPair } from '../support/endpoint-pair.js';

test('[MTU-5] a lost MTU probe does not shrink the window', () => {
  // CUBIC's window falls with losses only; BBR's follows the rate as well.
  const pair = new EndpointPair({ client: { congestionControl: 'cubic' } });
  const { client } = pair.establish();
  const lost: number[] = [];
  pair.filter = ({ from, bytes }) => {
    if (from === 'server' || bytes.length <= 1_200) return bytes;
    lost.push(bytes.length);
    return undefined;
  };
  let smallestWindow = client.congestionWindow;
  for (let transfer = 0; transfer < 20; transfer++) {
    client.writeStream(client.openStream() as number, [new Uint8Array(30_000)], true);
    pair.client.touch(client);
    pair.run(() => {
      smallestWindow = Math.min(smallestWindow, client.congestionWindow);
      return false;
    }, 1_000);
  }
  // Until each likely size was given up, from the top down.
  const sizes = [1_452, 1_372, 1_312, 1_252, 1_232];
  expect(lost).toEqual(sizes.flatMap((size) => [size, size, size]));
  expect(smallestWindow).toBe(32 * 1_200);
  expect([client.datagramBytes, client.stats.packetsLost]).toEqual([1_200, 0]);
  // Nothing of it was sent as data either: what a probe carries is its size.
  expect(client.stats.ptoCount).toBeLessThanOrEqual(lost.length);
});
