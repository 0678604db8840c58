import { ClientError, Metadata, ServerError, Status } from 'nice-grpc-common';
import { isRpcError, RpcError, statusName } from '../../../src/rpc/rpc-error.js';

const init = { path: '/a.B/C', code: Status.NOT_FOUND, details: 'no such image' };

describe('RpcError', () => {
  test('is a ClientError of nice-grpc and an Error', () => {
    const error = new RpcError(init);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ServerError);
    expect(error.name).toBe('RpcError');
    expect(error.stack).toContain('rpc-error.test');
  });

  test('says what it was given, and the careful thing where it was given nothing', () => {
    const error = new RpcError(init);
    expect(error).toMatchObject({ ...init, maybeExecuted: true, attempts: 1 });
    expect(error.message).toBe('/a.B/C NOT_FOUND: no such image');
    expect([...error.metadata]).toEqual([]);
    const cause = new Error('below');
    const metadata = Metadata({ a: 'b' });
    const full = new RpcError({
      ...init,
      message: 'text',
      maybeExecuted: false,
      attempts: 3,
      cause,
      metadata,
    });
    expect(full).toMatchObject({ message: 'text', maybeExecuted: false, attempts: 3, cause, metadata });
    expect(String(full)).toBe('RpcError: text');
  });

  test('of an aborted call is known by the name that nice-grpc looks for', () => {
    expect(new RpcError({ ...init, isAbort: true }).name).toBe('AbortError');
  });

  test('is recognised across two copies of the package, and nothing else is', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('udprpc.RpcError')]: true });
    expect(foreign).toBeInstanceOf(RpcError);
    expect(isRpcError(foreign)).toBe(true);
    for (const other of [
      new ClientError('/a/b', Status.OK, ''),
      new Error('x'),
      { name: 'RpcError' },
      null,
      1,
      undefined,
    ]) {
      expect(isRpcError(other)).toBe(false);
      expect((other as unknown) instanceof RpcError).toBe(false);
    }
  });

  test('does not take every RpcError for an instance of a class that extends it', () => {
    class Special extends RpcError {}
    expect(new RpcError(init)).not.toBeInstanceOf(Special);
    expect(new Special(init)).toBeInstanceOf(Special);
    expect(new Special(init)).toBeInstanceOf(RpcError);
  });

  test('shows no marks of its own when it is printed', () => {
    expect(Object.keys(new RpcError({ ...init, cause: 1 })).sort()).toEqual([
      'attempts',
      'code',
      'details',
      'maybeExecuted',
      'metadata',
      'path',
    ]);
  });

  test('names every status', () => {
    expect([statusName(Status.OK), statusName(Status.UNAUTHENTICATED)]).toEqual(['OK', 'UNAUTHENTICATED']);
  });
});
