/** nice-grpc-client-middleware-retry: its README, and that it counts alone: nothing retries below it. */
import { type ClientError } from 'nice-grpc';
import { retryMiddleware } from 'nice-grpc-client-middleware-retry';
import { deadlineMiddleware } from 'nice-grpc-client-middleware-deadline';
import { isAbortError } from 'abort-controller-x';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { failure, heard, said, say } from './messages.js';
import { Stage, type TestImplementation, WORLDS } from './world.js';

describe.each(WORLDS)('nice-grpc-client-middleware-retry on $name', (world) => {
  const { createClientFactory, ServerError, Status } = world.library;
  const stage = new Stage(world);
  let calls = 0;

  beforeEach(() => {
    calls = 0;
  });

  /** Every method fails with `code`, the first `failures` times that one is called. */
  function failing(failures: number, code = Status.UNAVAILABLE): Partial<TestImplementation> {
    const attempt = (): void => {
      calls++;
      if (calls <= failures) throw new ServerError(code, `failure ${calls}`);
    };
    return {
      async echo(request) {
        attempt();
        return request;
      },
      async add() {
        attempt();
        return {};
      },
      async *download() {
        attempt();
        yield say('a');
      },
    };
  }

  test('retries an idempotent method once', async () => {
    const channel = await stage.serve(failing(1));
    const client = createClientFactory()
      .use(retryMiddleware)
      .create(TestServiceDefinition, channel, { '*': { retryBaseDelayMs: 1 } });
    expect(said(await client.echo(say('hello')))).toBe('hello');
    expect(calls).toBe(2);
  });

  test('gives up after its one retry, with the error of the server', async () => {
    const channel = await stage.serve(failing(9));
    const client = createClientFactory()
      .use(retryMiddleware)
      .create(TestServiceDefinition, channel, { '*': { retryBaseDelayMs: 1 } });
    expect(await failure(client.echo({}))).toMatchObject({ code: Status.UNAVAILABLE, details: 'failure 2' });
    expect(calls).toBe(2);
  });

  test('does not retry a method that is not declared idempotent, unless it is told to', async () => {
    const channel = await stage.serve(failing(1));
    const client = createClientFactory()
      .use(retryMiddleware)
      .create(TestServiceDefinition, channel, { '*': { retryBaseDelayMs: 1 } });
    expect(await failure(client.add({}))).toMatchObject({ details: 'failure 1' });
    expect(calls).toBe(1);
    calls = 0;
    await client.add({}, { retry: true });
    expect(calls).toBe(2);
  });

  test('does not retry an idempotent method that is told not to be', async () => {
    const channel = await stage.serve(failing(1));
    const client = createClientFactory().use(retryMiddleware).create(TestServiceDefinition, channel);
    expect(await failure(client.echo({}, { retry: false }))).toMatchObject({ details: 'failure 1' });
    expect(calls).toBe(1);
  });

  test('takes its options: how often, which statuses, and whom to tell', async () => {
    const channel = await stage.serve(failing(3, Status.ABORTED));
    const client = createClientFactory().use(retryMiddleware).create(TestServiceDefinition, channel);
    const told: string[] = [];
    await client.add(
      {},
      {
        retry: true,
        retryMaxAttempts: 5,
        retryBaseDelayMs: 1,
        retryableStatuses: [Status.ABORTED],
        onRetryableError(error: ClientError, attempt: number) {
          told.push(`${attempt} ${error.details}`);
        },
      },
    );
    expect(told).toEqual(['0 failure 1', '1 failure 2', '2 failure 3']);
    expect(calls).toBe(4);
  });

  test('does not retry a status that is not in its list', async () => {
    const channel = await stage.serve(failing(1, Status.NOT_FOUND));
    const client = createClientFactory().use(retryMiddleware).create(TestServiceDefinition, channel);
    expect(await failure(client.echo({}))).toMatchObject({ code: Status.NOT_FOUND });
    expect(calls).toBe(1);
  });

  test('retries for ever, until it is aborted', async () => {
    const channel = await stage.serve(failing(Infinity));
    const client = createClientFactory().use(retryMiddleware).create(TestServiceDefinition, channel);
    const abortController = new AbortController();
    const error = await failure(
      client.echo(
        {},
        {
          retry: true,
          retryMaxAttempts: Infinity,
          retryBaseDelayMs: 1,
          signal: abortController.signal,
          onRetryableError(_error, attempt) {
            if (attempt === 4) abortController.abort();
          },
        },
      ),
    );
    expect(isAbortError(error)).toBe(true);
    expect(calls).toBe(5);
  });

  test('is ended in its pause by the deadline middleware around it', async () => {
    const channel = await stage.serve(failing(Infinity));
    const client = createClientFactory()
      .use(retryMiddleware)
      .use(deadlineMiddleware)
      .create(TestServiceDefinition, channel);
    const error = await failure(
      client.echo(
        {},
        { retryMaxAttempts: Infinity, retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000, deadline: 100 },
      ),
    );
    expect(error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    expect(calls).toBe(1);
  });

  test('lets streams pass', async () => {
    const channel = await stage.serve(failing(1));
    const client = createClientFactory().use(retryMiddleware).create(TestServiceDefinition, channel);
    expect(await failure(client.download({}, { retry: true }))).toMatchObject({ details: 'failure 1' });
    expect(calls).toBe(1);
    expect(await heard(client.download({}, { retry: true }))).toEqual(['a']);
  });
});
