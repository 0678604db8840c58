import { ClientError, Metadata, ServerError, type ServerMiddleware, Status } from 'nice-grpc-common';
import { Status as StatusMessage } from '../../../generated/google/rpc/status.js';
import { EchoRequest, TestServiceDefinition } from '../../../generated/test/v1/test.js';
import {
  BadRequest,
  ErrorInfo,
  findDetails,
  packDetail,
  RetryInfo,
  RichServerError,
} from '../../../src/details/index.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { RpcError } from '../../../src/rpc/rpc-error.js';
import { createInMemoryServer } from '../../../src/testing/index.js';

const KEY = 'grpc-status-details-bin';

function received(statusDetails: Uint8Array | undefined): RpcError {
  const metadata = Metadata();
  if (statusDetails !== undefined) metadata.set(KEY, statusDetails);
  return new RpcError({ path: '/a.B/C', code: Status.INVALID_ARGUMENT, details: 'bad', metadata });
}

const field = (name: string) => ({ fieldViolations: [{ field: name, description: 'must not be empty' }] });

function thrown(): RichServerError {
  return new RichServerError(Status.INVALID_ARGUMENT, 'bad', [
    packDetail(BadRequest, field('name')),
    packDetail(RetryInfo, { retryDelay: { seconds: 2n, nanos: 5 } }),
    packDetail(BadRequest, field('size')),
    packDetail(EchoRequest, { payload: Uint8Array.of(1) }),
  ]);
}

describe('findDetails', () => {
  test('gives all details of a type in their order, messages of the user too', () => {
    const error = received(thrown().statusDetails);
    expect(findDetails(error, BadRequest).map(({ fieldViolations }) => fieldViolations[0]?.field)).toEqual([
      'name',
      'size',
    ]);
    expect(findDetails(error, RetryInfo)).toEqual([{ retryDelay: { seconds: 2n, nanos: 5 } }]);
    expect(findDetails(error, EchoRequest)[0]?.payload).toEqual(Uint8Array.of(1));
    expect(findDetails(error, ErrorInfo)).toEqual([]);
  });

  test('takes a codec that does not know its name, with the name', () => {
    const codec = {
      encode: (message: BadRequest) => BadRequest.encode(message),
      decode: (bytes: Uint8Array) => BadRequest.decode(bytes),
    };
    const type = { typeName: 'google.rpc.BadRequest', codec };
    expect(findDetails(received(thrown().statusDetails), type)).toHaveLength(2);
  });

  test('reads a ClientError to which somebody gave the metadata', () => {
    const error = new ClientError('/a.B/C', Status.INVALID_ARGUMENT, 'bad');
    expect(findDetails(error, BadRequest)).toEqual([]);
    const metadata = Metadata({ [KEY]: thrown().statusDetails });
    expect(findDetails(Object.assign(error, { metadata }), BadRequest)).toHaveLength(2);
  });

  test("reads what nice-grpc-error-details' RichClientError holds", () => {
    const extra = [
      { $type: 'google.rpc.BadRequest', fieldViolations: [] },
      { $type: 'google.protobuf.Any', ...packDetail(EchoRequest, { delayMs: 7 }) },
      { $type: 'google.protobuf.Any', typeUrl: 'x/test.v1.EchoRequest', value: Uint8Array.of(0xff) },
      null,
    ];
    const error = Object.assign(new ClientError('/a.B/C', Status.INVALID_ARGUMENT, 'bad'), { extra });
    expect(findDetails(error, BadRequest)).toEqual([extra[0]]);
    expect(findDetails(error, EchoRequest).map(({ delayMs }) => delayMs)).toEqual([7]);
  });

  test('finds nothing, and throws nothing, where nothing can be read', () => {
    const broken = StatusMessage.encode({
      code: 3,
      message: '',
      details: [{ typeUrl: 'type.googleapis.com/google.rpc.BadRequest', value: Uint8Array.of(0x0a, 9) }],
    }).finish();
    const errors = [received(undefined), received(Uint8Array.of(0xff)), received(broken)];
    for (const error of [...errors, new Error('x'), 'text', null, undefined, { metadata: 1 }]) {
      expect(findDetails(error, BadRequest)).toEqual([]);
    }
  });

  test('does not take a type for another one whose name ends the same', () => {
    const error = received(
      new RichServerError(Status.ABORTED, '', [
        { typeUrl: 'type.googleapis.com/my.google.rpc.BadRequest', value: new Uint8Array() },
      ]).statusDetails,
    );
    expect(findDetails(error, BadRequest)).toEqual([]);
  });
});

describe('RichServerError', () => {
  test('is a ServerError with a google.rpc.Status inside, and shows only what was said', () => {
    const error = thrown();
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ name: 'RichServerError', code: Status.INVALID_ARGUMENT, details: 'bad' });
    const status = StatusMessage.decode(error.statusDetails);
    expect([status.code, status.message, status.details.length]).toEqual([3, 'bad', 4]);
    expect(status.details[0]?.typeUrl).toBe('type.googleapis.com/google.rpc.BadRequest');
    expect(Object.keys(error).sort()).toEqual(['code', 'details', 'extra']);
  });

  test('is recognised across two copies of the package, and no ServerError is one', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('udprpc.RichServerError')]: true });
    expect(foreign).toBeInstanceOf(RichServerError);
    for (const other of [new ServerError(Status.OK, ''), null, 1]) {
      expect((other as unknown) instanceof RichServerError).toBe(false);
    }
    class Special extends RichServerError {}
    expect(thrown()).not.toBeInstanceOf(Special);
    expect(new Special(Status.ABORTED, '')).toBeInstanceOf(RichServerError);
  });
});

test('details that a middleware puts into the trailer, as that of nice-grpc-error-details does, reach the caller', async () => {
  const middleware: ServerMiddleware = async function* (call, context) {
    try {
      return yield* call.next(call.request, context);
    } catch (error) {
      if (error instanceof RichServerError) context.trailer.set(KEY, error.statusDetails);
      throw error;
    }
  };
  const { server, channel } = createInMemoryServer();
  const fail = (): never => {
    throw thrown();
  };
  server.with(middleware).add(TestServiceDefinition, { echo: fail } as never);
  await server.listen('memory');
  let trailer: Metadata | undefined;
  const call = createClient(TestServiceDefinition, channel).echo({}, { onTrailer: (it) => (trailer = it) });
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await channel.close();
  await server.shutdown();
  expect(error).toMatchObject({ code: Status.INVALID_ARGUMENT, details: 'bad' });
  expect(findDetails(error, BadRequest)).toHaveLength(2);
  expect(trailer?.get(KEY)).toEqual(thrown().statusDetails);
});
