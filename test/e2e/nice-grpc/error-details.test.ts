/** nice-grpc-error-details: its README, for each kind of method. */
import { type ServerError as AnyServerError } from 'nice-grpc';
import {
  BadRequest,
  type BadRequest_FieldViolation,
  ErrorInfo,
  errorDetailsClientMiddleware,
  errorDetailsServerMiddleware,
  RichClientError,
  RichServerError,
} from 'nice-grpc-error-details';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { ANSWERS, callOf, KINDS, PATHS, serviceOf } from './kinds.js';
import { failure } from './messages.js';
import { Stage, type TestClient, WORLDS } from './world.js';

describe.each(WORLDS)('nice-grpc-error-details on $name', (world) => {
  const { createClientFactory, Status, ServerError, ClientError } = world.library;
  const stage = new Stage(world);

  async function clientOf(error: () => AnyServerError | undefined): Promise<TestClient> {
    const channel = await stage.serve(
      serviceOf(async () => {
        const thrown = error();
        if (thrown !== undefined) throw thrown;
      }),
      (server) => server.use(errorDetailsServerMiddleware),
    );
    return createClientFactory().use(errorDetailsClientMiddleware).create(TestServiceDefinition, channel);
  }

  test.each(KINDS)('brings details with an error: %s', async (kind) => {
    const client = await clientOf(
      () =>
        new RichServerError(Status.INVALID_ARGUMENT, "Missing required field 'some_field'", [
          ErrorInfo.fromPartial({ reason: 'MISSING', domain: 'test' }),
          BadRequest.fromPartial({
            fieldViolations: [{ field: 'some_field', description: 'Field is required' }],
          }),
        ]),
    );
    const trailers: boolean[] = [];
    const error = await failure(
      callOf(client, kind, { onTrailer: (trailer) => trailers.push(trailer.has('grpc-status-details-bin')) }),
    );
    if (!(error instanceof RichClientError)) throw error;
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      path: PATHS[kind],
      code: Status.INVALID_ARGUMENT,
      details: "Missing required field 'some_field'",
    });
    const fieldViolations: BadRequest_FieldViolation[] = [];
    for (const detail of error.extra) {
      if (detail.$type === BadRequest.$type) fieldViolations.push(...detail.fieldViolations);
    }
    expect(fieldViolations).toMatchObject([{ field: 'some_field', description: 'Field is required' }]);
    expect(error.extra[0]).toMatchObject({ reason: 'MISSING', domain: 'test' });
    expect(trailers).toEqual([true]);
  });

  test.each(KINDS)('leaves errors without details and calls without errors alone: %s', async (kind) => {
    let isFailing = true;
    const client = await clientOf(() =>
      isFailing ? new ServerError(Status.NOT_FOUND, 'nothing') : undefined,
    );
    const error = await failure(callOf(client, kind));
    expect(error).not.toBeInstanceOf(RichClientError);
    expect(error).toMatchObject({ code: Status.NOT_FOUND, details: 'nothing' });
    isFailing = false;
    expect(await callOf(client, kind)).toEqual(ANSWERS[kind]);
  });
});
