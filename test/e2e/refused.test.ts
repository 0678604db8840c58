/** What a call says of itself where nobody listens: whether its handler may have started. */
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, RpcError, Status } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { deadPort, muteSocket } from '../support/udp-fixture.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function failureAt(
  scheme: 'udp' | 'udps',
  port: number,
  method: 'echo' | 'add',
  initialRttMs = 100,
): Promise<RpcError> {
  const { authority } = await certificates();
  const channel = createChannel(`${scheme}://127.0.0.1:${port}`, {
    transport: { initialRttMs },
    ...(scheme === 'udps' && { tls: { ca: authority.cert } }),
  });
  closing.push(() => channel.close());
  const client = createClient(TestServiceDefinition, channel);
  const options = { retry: false, timeoutMs: 5_000 } as const;
  const call =
    method === 'echo'
      ? client.echo({ payload: new Uint8Array(10) }, options)
      : client.add({ key: 'a', amount: 1n }, options);
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`not an RpcError: ${String(error)}`);
  return error;
}

const refused = { code: Status.UNAVAILABLE, details: expect.stringContaining('ECONNREFUSED') as string };

describe.each(['udp', 'udps'] as const)('a port of %s:// on which nobody listens', (scheme) => {
  test.each(['echo', 'add'] as const)('[HSK-12] [HSK-13] has certainly not started %s', async (method) => {
    const error = await failureAt(scheme, await deadPort(), method);
    expect(error).toMatchObject({ ...refused, maybeExecuted: false });
  });

  test.each([
    ['echo', scheme === 'udp'],
    ['add', false],
  ] as const)(
    'after somebody took datagrams there and said nothing: what may ride in the first flight of plaintext, and only that, may have run: %s',
    async (method, maybeExecuted) => {
      let isClosing = false;
      const mute = await muteSocket('127.0.0.1', 0, () => {
        if (!isClosing) void mute.close();
        isClosing = true;
      });
      const error = await failureAt(scheme, mute.local.port, method, 10);
      expect(error).toMatchObject({ ...refused, maybeExecuted });
      expect(isClosing).toBe(true);
    },
  );
});
