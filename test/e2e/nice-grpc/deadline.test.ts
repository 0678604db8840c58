/** nice-grpc-client-middleware-deadline: its README, for each kind of method. */
import { isAbortError } from 'abort-controller-x';
import { type CallContext } from 'nice-grpc';
import { deadlineMiddleware } from 'nice-grpc-client-middleware-deadline';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { ANSWERS, callOf, type Kind, KINDS, serviceOf } from './kinds.js';
import { aborted, failure, Gate } from './messages.js';
import { Stage, type TestClient, WORLDS } from './world.js';

describe.each(WORLDS)('nice-grpc-client-middleware-deadline on $name', (world) => {
  const { createClientFactory, ClientError, Status } = world.library;
  const stage = new Stage(world);

  async function clientOf(work: (context: CallContext) => Promise<void>): Promise<TestClient> {
    const channel = await stage.serve(serviceOf(work));
    return createClientFactory().use(deadlineMiddleware).create(TestServiceDefinition, channel);
  }

  test.each<[Kind, string, () => Date | number]>(
    KINDS.flatMap((kind): [Kind, string, () => Date | number][] => [
      [kind, 'milliseconds', () => 300],
      [kind, 'a Date', () => new Date(Date.now() + 300)],
    ]),
  )('ends a call that takes longer, and its handler: %s, %s', async (kind, _unit, deadline) => {
    const cancelled = new Gate();
    const client = await clientOf(async ({ signal }) => {
      await aborted(signal);
      cancelled.open();
    });
    const options = { deadline: deadline() };
    const error = await failure(callOf(client, kind, options));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: Status.DEADLINE_EXCEEDED, details: 'Deadline exceeded' });
    await cancelled.opened;
  });

  test.each(KINDS)('lets a call alone that is done in time: %s', async (kind) => {
    const client = await clientOf(async () => undefined);
    const options = { deadline: 60_000 };
    expect(await callOf(client, kind, options)).toEqual(ANSWERS[kind]);
  });

  test.each(KINDS)("knows an abort of the caller's from the deadline: %s", async (kind) => {
    const abortController = new AbortController();
    const client = await clientOf(async ({ signal }) => {
      abortController.abort();
      await aborted(signal);
    });
    const options = { deadline: 60_000, signal: abortController.signal };
    expect(isAbortError(await failure(callOf(client, kind, options)))).toBe(true);
  });

  test('may be given for all methods and for one', async () => {
    const channel = await stage.serve(
      serviceOf(async ({ signal }) => {
        await aborted(signal);
      }),
    );
    const client = createClientFactory()
      .use(deadlineMiddleware)
      .create(TestServiceDefinition, channel, { '*': { deadline: 60_000 }, echo: { deadline: 50 } });
    expect(await failure(client.echo({}))).toMatchObject({ code: Status.DEADLINE_EXCEEDED });
  });
});
