/** Who may call, as docs/guides/tls.md shows it: the middleware of `examples/authorisation.ts`, over TLS on real sockets. */
import { createHash } from 'node:crypto';
import { authorise, type User, withToken } from '../../examples/authorisation.js';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type ChannelTlsOptions,
  type Client,
  createChannel,
  createClientFactory,
  createServer,
  RpcError,
  type ServerTlsOptions,
  type ServiceImplementation,
  Status,
} from '../../src/index.js';
import { type Certificates, certificates } from '../support/certificates.js';

type TestClient = Client<typeof TestServiceDefinition>;
type Implementation = ServiceImplementation<typeof TestServiceDefinition, { user: User }>;

const ECHO = '/test.v1.TestService/Echo';
const ADD = '/test.v1.TestService/Add';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const USERS: readonly User[] = [
  { name: 'nobody yet', mayCall: [ECHO, ADD] },
  { name: 'Ada', tokenSha256: sha256('token-of-Ada'), mayCall: [ECHO, ADD] },
  { name: 'Bob', tokenSha256: sha256('token-of-Bob'), mayCall: [ECHO] },
  { name: 'kiosk', certificateName: 'client', mayCall: [ECHO] },
  { name: 'cam', certificateName: 'one-of-many-names-7.example', mayCall: [ADD] },
];

let made: Certificates;
beforeAll(async () => {
  made = await certificates();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server of those users, and clients of it; `callers` are the users that its handlers have seen. */
async function serve(tls: Partial<ServerTlsOptions> = {}) {
  const callers: string[] = [];
  const server = createServer({ tls: { ...made.localServer, ...tls } }).use(authorise(USERS));
  const implementation: Partial<Implementation> = {
    echo: async ({ payload }, { user }) => {
      callers.push(user.name);
      return { payload };
    },
    add: async ({ amount }, { user }) => {
      callers.push(user.name);
      return { total: amount };
    },
  };
  server.add(TestServiceDefinition, implementation as Implementation);
  const port = await server.listen('127.0.0.1:0');
  closing.push(() => server.shutdown({ graceMs: 0 }));
  const clientOf = (token?: string, own: ChannelTlsOptions = {}): TestClient => {
    const channel = createChannel(`udps://127.0.0.1:${port}`, { tls: { ca: made.authority.cert, ...own } });
    closing.push(() => channel.close());
    const factory = createClientFactory();
    return (token === undefined ? factory : factory.use(withToken(token))).create(
      TestServiceDefinition,
      channel,
    );
  };
  return { callers, clientOf };
}

const echo = (client: TestClient) => client.echo({ payload: Uint8Array.of(1) }, { timeoutMs: 5_000 });
const add = (client: TestClient) => client.add({ key: 'a', amount: 2n }, { timeoutMs: 5_000 });

async function refusalOf(call: Promise<unknown>): Promise<readonly [Status, string, number]> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`not an RpcError: ${String(error)}`);
  return [error.code, error.details, error.attempts];
}

const HOW = ': send the metadata `authorization: Bearer TOKEN`';

test('who sends no token is asked who they are', async () => {
  const { callers, clientOf } = await serve();
  const refusal = [Status.UNAUTHENTICATED, `nobody is known by what you sent${HOW}`, 1];
  expect(await refusalOf(echo(clientOf()))).toEqual(refusal);
  expect(await refusalOf(add(clientOf()))).toEqual(refusal);
  expect(callers).toEqual([]);
});

test.each(['token-of-Eve', 'token-of-Ad', ''])('a wrong token is nobody’s: "%s"', async (token) => {
  const { callers, clientOf } = await serve();
  const refusal = [Status.UNAUTHENTICATED, `this token is nobody’s${HOW}`, 1];
  expect(await refusalOf(echo(clientOf(token)))).toEqual(refusal);
  expect(callers).toEqual([]);
});

test('a token of a user calls what they may, and is told what they may not', async () => {
  const { callers, clientOf } = await serve();
  const bob = clientOf('token-of-Bob');
  expect((await echo(bob)).payload).toEqual(Uint8Array.of(1));
  expect(await refusalOf(add(bob))).toEqual([Status.PERMISSION_DENIED, `Bob may not call ${ADD}`, 1]);
  expect(callers).toEqual(['Bob']);
  expect((await add(clientOf('token-of-Ada'))).total).toBe(2n);
  expect(callers).toEqual(['Bob', 'Ada']);
});

describe('where the server asks for certificates', () => {
  const asking = () => serve({ requestCert: true, ca: made.authority.cert });

  test('one says who it is: by its common name, or by a DNS name that it has', async () => {
    const { callers, clientOf } = await asking();
    const kiosk = clientOf(undefined, made.client);
    await echo(kiosk);
    expect(await refusalOf(add(kiosk))).toEqual([Status.PERMISSION_DENIED, `kiosk may not call ${ADD}`, 1]);
    await add(clientOf(undefined, made.manyNames));
    expect(callers).toEqual(['kiosk', 'cam']);
  });

  test('one of nobody in the list is nobody’s, though TLS has let it in', async () => {
    const { callers, clientOf } = await asking();
    const refusal = [Status.UNAUTHENTICATED, `nobody is known by what you sent${HOW}`, 1];
    expect(await refusalOf(echo(clientOf(undefined, made.otherClient)))).toEqual(refusal);
    expect(callers).toEqual([]);
  });

  test('a token decides, also a wrong one', async () => {
    const { callers, clientOf } = await asking();
    await add(clientOf('token-of-Ada', made.client));
    expect((await refusalOf(echo(clientOf('token-of-Eve', made.client))))[0]).toBe(Status.UNAUTHENTICATED);
    expect(callers).toEqual(['Ada']);
  });
});
