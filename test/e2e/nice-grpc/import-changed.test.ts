/**
 * The README of nice-grpc and of its packages as a program with the import changed: what the other tests of this folder
 * prove of the behaviour, this one proves of the types, because `npm run check:types` compiles it.
 */
import { isAbortError } from 'abort-controller-x';
import { deadlineMiddleware } from 'nice-grpc-client-middleware-deadline';
import { retryMiddleware } from 'nice-grpc-client-middleware-retry';
import { errorDetailsClientMiddleware, errorDetailsServerMiddleware } from 'nice-grpc-error-details';
import { openTelemetryClientMiddleware, openTelemetryServerMiddleware } from 'nice-grpc-opentelemetry';
import { prometheusClientMiddleware, prometheusServerMiddleware } from 'nice-grpc-prometheus';
// This line is the change: it says 'nice-grpc' there.
import {
  type CallContext,
  type CallOptions,
  type Channel,
  type Client,
  ClientError,
  type ClientMiddleware,
  type ClientMiddlewareCall,
  createChannel,
  createClient,
  createClientFactory,
  createServer,
  Metadata,
  type Server,
  ServerError,
  type ServerMiddlewareCall,
  type ServiceImplementation,
  Status,
} from '../../../src/index.js';
import {
  type ChatRequest,
  type ChatResponse,
  type DeepPartial,
  type DownloadRequest,
  type DownloadResponse,
  type EchoRequest,
  type EchoResponse,
  TestServiceDefinition,
  type UploadRequest,
  type UploadResponse,
} from '../../../generated/test/v1/test.js';
import { heard, said, say, sayAll } from './messages.js';

/** As ts-proto writes it with `outputServices=nice-grpc`. */
interface TestServiceImplementation<CallContextExt = object> {
  echo(request: EchoRequest, context: CallContext & CallContextExt): Promise<DeepPartial<EchoResponse>>;
  download(
    request: DownloadRequest,
    context: CallContext & CallContextExt,
  ): ServerStreamingMethodResult<DeepPartial<DownloadResponse>>;
  upload(
    request: AsyncIterable<UploadRequest>,
    context: CallContext & CallContextExt,
  ): Promise<DeepPartial<UploadResponse>>;
  chat(
    request: AsyncIterable<ChatRequest>,
    context: CallContext & CallContextExt,
  ): ServerStreamingMethodResult<DeepPartial<ChatResponse>>;
}

interface TestServiceClient<CallOptionsExt = object> {
  echo(request: DeepPartial<EchoRequest>, options?: CallOptions & CallOptionsExt): Promise<EchoResponse>;
  download(
    request: DeepPartial<DownloadRequest>,
    options?: CallOptions & CallOptionsExt,
  ): AsyncIterable<DownloadResponse>;
  upload(
    request: AsyncIterable<DeepPartial<UploadRequest>>,
    options?: CallOptions & CallOptionsExt,
  ): Promise<UploadResponse>;
  chat(
    request: AsyncIterable<DeepPartial<ChatRequest>>,
    options?: CallOptions & CallOptionsExt,
  ): AsyncIterable<ChatResponse>;
}

interface ServerStreamingMethodResult<Response> {
  [Symbol.asyncIterator](): AsyncIterator<Response, void>;
}

interface AuthCallContextExt {
  auth: { sub: string };
}

const { echo, download, upload, chat } = TestServiceDefinition.methods;
const ExampleServiceDefinition = {
  ...TestServiceDefinition,
  methods: { echo, download, upload, chat },
} as const;

class ExampleServiceImpl implements TestServiceImplementation<AuthCallContextExt> {
  async echo(
    request: EchoRequest,
    context: CallContext & AuthCallContextExt,
  ): Promise<DeepPartial<EchoResponse>> {
    if (request.failWithCode > 0) throw new ServerError(Status.NOT_FOUND, 'Requested data does not exist');
    context.header.set('some-key', context.metadata.get('some-key') ?? '');
    context.trailer.set('user', context.auth.sub);
    return request;
  }

  async *download(request: DownloadRequest): AsyncIterable<DeepPartial<DownloadResponse>> {
    for (let i = 0; i < request.count; i++) yield say(String(i));
  }

  async upload(request: AsyncIterable<UploadRequest>): Promise<DeepPartial<UploadResponse>> {
    return { count: (await heard(request)).length };
  }

  async *chat(request: AsyncIterable<ChatRequest>): AsyncIterable<DeepPartial<ChatResponse>> {
    for await (const item of request) yield item;
  }
}

async function* authMiddleware<Request, Response>(
  call: ServerMiddlewareCall<Request, Response, AuthCallContextExt>,
  context: CallContext,
) {
  const authorization = context.metadata.get('Authorization') ?? '';
  return yield* call.next(call.request, { ...context, auth: { sub: authorization } });
}

async function* plainMiddleware<Request, Response>(
  call: ClientMiddlewareCall<Request, Response>,
  options: CallOptions,
) {
  return yield* call.next(call.request, options);
}

const labelMiddleware: ClientMiddleware<{ label?: string }> = async function* (call, { label, ...options }) {
  const metadata = Metadata(options.metadata).set('Authorization', label ?? 'nobody');
  return yield* call.next(call.request, { ...options, metadata });
};

let server: Server<AuthCallContextExt>;
let channel: Channel;

beforeEach(async () => {
  server = createServer()
    .use(openTelemetryServerMiddleware())
    .use(prometheusServerMiddleware())
    .use(errorDetailsServerMiddleware)
    .use(authMiddleware);
  const exampleServiceImpl: ServiceImplementation<typeof ExampleServiceDefinition, AuthCallContextExt> =
    new ExampleServiceImpl();
  server.add(ExampleServiceDefinition, exampleServiceImpl);
  channel = createChannel(`127.0.0.1:${await server.listen('127.0.0.1:0')}`);
});

afterEach(async () => {
  await channel.close();
  await server.shutdown();
});

test('a client of the generated type calls methods of all four kinds', async () => {
  const client: TestServiceClient = createClient(ExampleServiceDefinition, channel);
  let header: string | undefined;
  const response = await client.echo(say('hello'), {
    metadata: Metadata({ 'some-key': 'value' }),
    onHeader(given: Metadata) {
      header = given.get('some-key');
    },
  });
  expect(said(response)).toBe('hello');
  expect(header).toBe('value');
  expect(await heard(client.download({ count: 2 }))).toEqual(['0', '1']);
  expect((await client.upload(sayAll('a', 'b'))).count).toBe(2);
  expect(await heard(client.chat(sayAll('a', 'b')))).toEqual(['a', 'b']);
});

test('a client of the mapped type tells an error from an abort', async () => {
  const client: Client<typeof ExampleServiceDefinition> = createClient(ExampleServiceDefinition, channel);
  let response: EchoResponse | null = null;
  try {
    response = await client.echo({ failWithCode: 1 });
  } catch (error: unknown) {
    if (!(error instanceof ClientError && error.code === Status.NOT_FOUND)) throw error;
  }
  expect(response).toBeNull();
  const abortController = new AbortController();
  const call = client
    .echo({}, { signal: abortController.signal })
    .catch((error: unknown) => isAbortError(error));
  abortController.abort();
  expect(await call).toBe(true);
});

test('a client with all the middleware takes the options of each', async () => {
  const clientFactory = createClientFactory()
    .use(openTelemetryClientMiddleware())
    .use(prometheusClientMiddleware())
    .use(errorDetailsClientMiddleware)
    .use(labelMiddleware)
    .use(plainMiddleware)
    .use(retryMiddleware)
    .use(deadlineMiddleware);
  const client = clientFactory.create(ExampleServiceDefinition, channel, {
    '*': { deadline: 30_000, retryMaxAttempts: 5 },
    echo: { deadline: new Date(Date.now() + 10_000), retryBaseDelayMs: 1 },
  });
  const extended: TestServiceClient<{ label?: string }> = client;
  let user: string | undefined;
  await extended.echo(
    {},
    {
      label: 'me',
      onTrailer(trailer) {
        user = trailer.get('user');
      },
    },
  );
  expect(user).toBe('me');
  await client.echo({}, { retry: true, retryableStatuses: [Status.UNAVAILABLE], deadline: 1_000 });
  expect(await heard(client.download({ count: 1 }, { deadline: 1_000 }))).toEqual(['0']);
});
