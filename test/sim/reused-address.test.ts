import { type Address } from '../../src/transport/path/path.js';
import { CLIENT_IP, type TestClient, TwoEnds } from './harness/two-ends.js';

const OTHER_CLIENT_IP = '10.0.1.2';
const OTHER_NETWORK: Address = { ip: '10.0.9.9', port: 30_000 };
const PAYLOAD_BYTES = 1 << 20;

/** 1 MiB there and back, which no other call has. */
async function echo(client: TestClient, seed: number): Promise<boolean> {
  const sent = Uint8Array.from({ length: PAYLOAD_BYTES }, (_, index) => (index * seed) >>> 3);
  const { payload } = await client.echo({ payload: sent });
  return payload.length === sent.length && payload.every((byte, index) => byte === sent[index]);
}

describe('the address of a client that has moved is given to another one', () => {
  // After 900 ms both only receive, and hear of it by the bytes that do not come [IDL-5].
  test.each([
    ['another port of a NAT', 'sends', 400, { ip: CLIENT_IP, port: 30_000 }],
    ['another port of a NAT', 'receives', 900, { ip: CLIENT_IP, port: 30_000 }],
    ['another network', 'sends', 400, OTHER_NETWORK],
    ['another network', 'receives', 900, OTHER_NETWORK],
  ])(
    'the first gets %s while it %s: both keep their connection and their bytes',
    async (_where, _what, afterMs, movedTo) => {
      const ends = new TwoEnds({ delayMs: 20, bytesPerMs: 2_000 });
      const other = ends.addClient(OTHER_CLIENT_IP);
      const states: string[] = [];
      for (const { channel } of [ends, other]) channel.on('state', ({ to }) => states.push(to));
      let endedCount = 0;
      const transfers = Promise.all(
        [echo(ends.client, 5), echo(other.client, 7)].map((transfer) => transfer.finally(() => endedCount++)),
      );
      await ends.wait(afterMs);
      expect(endedCount).toBe(0);
      const old = ends.clientSocket.address;
      ends.network.readdress(ends.clientSocket, movedTo);
      // What is on its way to the first client arrives at the other one.
      ends.network.readdress(other.socket, old);
      expect(await ends.settle(transfers)).toEqual([true, true]);
      expect([ends.clientSocket.address, other.socket.address]).toEqual([movedTo, old]);
      expect(states).toEqual(['connecting', 'connecting', 'ready', 'ready']);
      expect(ends.drops('unknownConnection')).toBe(0);
      await ends.settle(other.channel.close());
      await ends.close();
      expect(ends.clock.pendingTimers).toBe(0);
    },
  );

  test('who connects from it for the first time gets a connection of its own', async () => {
    const ends = new TwoEnds({ delayMs: 20, bytesPerMs: 2_000 });
    const other = ends.addClient(OTHER_CLIENT_IP);
    const first = echo(ends.client, 5);
    await ends.wait(400);
    const old = ends.clientSocket.address;
    ends.network.readdress(ends.clientSocket, OTHER_NETWORK);
    ends.network.readdress(other.socket, old);
    const states: string[] = [];
    ends.channel.on('state', ({ to }) => states.push(to));
    expect(await ends.settle(Promise.all([first, echo(other.client, 7)]))).toEqual([true, true]);
    expect(states).toEqual([]);
    await ends.settle(other.channel.close());
    await ends.close();
    expect(ends.clock.pendingTimers).toBe(0);
  });
});
