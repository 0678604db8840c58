import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthDefinition,
  HealthService,
  type HealthStatus,
} from '../../../src/health/index.js';
import { createClient, type RpcError, Status } from '../../../src/index.js';
import { createInMemoryServer, type InMemoryServer } from '../../../src/testing/index.js';

const IMAGES = 'image.v1.ImageService';

let memory: InMemoryServer;
let health: HealthService;
let client: ReturnType<typeof clientOf>;

const clientOf = (of: InMemoryServer) => createClient(HealthDefinition, of.channel);

beforeEach(() => {
  memory = createInMemoryServer();
  health = new HealthService(memory.server);
  memory.server.add(HealthDefinition, health);
  client = clientOf(memory);
});

afterEach(() => memory.close());

/** The statuses that a watch tells, one at a time. */
function watch(service: string, signal?: AbortSignal): () => Promise<string | undefined> {
  const watching = client.watch({ service }, { signal })[Symbol.asyncIterator]();
  return async () => {
    const next = await watching.next();
    const status = next.done === true ? undefined : next.value.status;
    return Object.entries(ServingStatus).find(([, value]) => value === status)?.[0];
  };
}

const failure = (promise: Promise<unknown>): Promise<RpcError> =>
  promise.then(
    () => Promise.reject(new Error('it has not failed')),
    (error: unknown) => error as RpcError,
  );

test('the server as a whole is SERVING from the start, and a service that was never set is NOT_FOUND', async () => {
  expect(await client.check({})).toEqual({ status: ServingStatus.SERVING });
  expect(await failure(client.check({ service: IMAGES }))).toMatchObject({
    code: Status.NOT_FOUND,
    details: `nothing is known of the health of service '${IMAGES}'`,
  });
});

test('Check answers what was set, by name or by definition, until it is cleared', async () => {
  health.setStatus(IMAGES, 'SERVING');
  expect(await client.check({ service: IMAGES })).toEqual({ status: ServingStatus.SERVING });
  health.setStatus({ fullName: IMAGES }, 'NOT_SERVING');
  expect(await client.check({ service: IMAGES })).toEqual({ status: ServingStatus.NOT_SERVING });
  health.setStatus('', 'UNKNOWN');
  expect(await client.check({})).toEqual({ status: ServingStatus.UNKNOWN });
  health.clearStatus(IMAGES);
  expect((await failure(client.check({ service: IMAGES }))).code).toBe(Status.NOT_FOUND);
});

test('a status that is none is refused where it is set', () => {
  expect(() => {
    health.setStatus(IMAGES, 'SERVICE_UNKNOWN' as HealthStatus);
  }).toThrow('status is "SERVICE_UNKNOWN": it takes UNKNOWN, SERVING, NOT_SERVING');
});

test('Watch tells the status at once and then each change, not what stays the same', async () => {
  const next = watch(IMAGES);
  expect(await next()).toBe('SERVICE_UNKNOWN');
  const change = next();
  health.setStatus(IMAGES, 'SERVING');
  expect(await change).toBe('SERVING');
  const another = next();
  health.setStatus(IMAGES, 'SERVING');
  health.setStatus('another.Service', 'NOT_SERVING');
  health.setStatus(IMAGES, 'NOT_SERVING');
  expect(await another).toBe('NOT_SERVING');
  const cleared = next();
  health.clearStatus(IMAGES);
  expect(await cleared).toBe('SERVICE_UNKNOWN');
});

test('a watch whose client leaves ends, and others go on', async () => {
  const leaving = new AbortController();
  const ended = new Promise((resolve) => memory.server.once('call', resolve));
  const first = watch(IMAGES, leaving.signal);
  const second = watch(IMAGES);
  await Promise.all([first(), second()]);
  const change = second();
  const cut = failure(first());
  leaving.abort();
  expect((await cut).code).toBe(Status.CANCELLED);
  await ended;
  health.setStatus(IMAGES, 'SERVING');
  expect(await change).toBe('SERVING');
});

test('a shutdown tells watches NOT_SERVING and ends them: it does not wait for its grace', async () => {
  health.setStatus(IMAGES, 'SERVING');
  const next = watch(IMAGES);
  expect(await next()).toBe('SERVING');
  const last = next();
  const shutdown = memory.server.shutdown({ graceMs: 3_600_000 });
  expect(await last).toBe('NOT_SERVING');
  expect(await failure(next())).toMatchObject({
    code: Status.UNAVAILABLE,
    details: 'the server is shutting down',
  });
  expect(await shutdown).toMatchObject({ finished: 1, aborted: 0 });
  health.setStatus(IMAGES, 'SERVING');
  expect(health.check({ service: IMAGES })).toEqual({ status: ServingStatus.NOT_SERVING });
});

test('List tells all statuses, up to a hundred', async () => {
  health.setStatus(IMAGES, 'NOT_SERVING');
  const { statuses } = await client.list({});
  expect(Object.entries(statuses).sort()).toEqual([
    ['', { status: ServingStatus.SERVING }],
    [IMAGES, { status: ServingStatus.NOT_SERVING }],
  ]);
  for (let i = 0; i < 99; i++) health.setStatus(`service${i}`, 'SERVING');
  expect((await failure(client.list({}))).code).toBe(Status.RESOURCE_EXHAUSTED);
});
