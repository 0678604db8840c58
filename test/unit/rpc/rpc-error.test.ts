import { inspect } from 'node:util';
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

  test('of an aborted call is known by the name that nice-grpc looks for, and is no ClientError', () => {
    const cause = new Error('not wanted');
    const aborted = RpcError.abort({ ...init, maybeExecuted: false, attempts: 2, cause });
    expect(aborted).toMatchObject({ name: 'AbortError', code: init.code, details: init.details, cause });
    expect(aborted).toMatchObject({ path: init.path, maybeExecuted: false, attempts: 2, history: [] });
    expect(aborted.message).toBe(new RpcError(init).message);
    expect([aborted instanceof RpcError, aborted instanceof Error]).toEqual([true, true]);
    expect(aborted instanceof ClientError).toBe(false);
    expect(Object.keys(aborted)).toEqual(expect.not.arrayContaining(['cause']));
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
      'history',
      'maybeExecuted',
      'metadata',
      'path',
    ]);
  });

  test('prints what happened, and a line for each attempt', () => {
    const waited = { attempt: 1, peer: undefined, code: Status.UNAVAILABLE, details: 'nobody there' };
    const none = { rttMs: undefined, packetsSent: 0, packetsReceived: 0, packetsLost: 0 };
    const tried = { attempt: 2, peer: '10.0.0.5:7000', code: Status.DEADLINE_EXCEEDED, details: 'no answer' };
    const error = new RpcError({
      ...init,
      message: 'it did not work',
      attempts: 2,
      history: [
        { ...waited, ...none, maybeExecuted: false, durationMs: 25.4 },
        {
          ...tried,
          maybeExecuted: true,
          durationMs: 800,
          rttMs: 12.34,
          packetsSent: 5,
          packetsReceived: 1,
          packetsLost: 2,
        },
      ],
      metadata: Metadata({ k: 'v' }),
      cause: 'below',
    });
    error.stack = 'RpcError: it did not work\n    at caller (file.ts:1:1)';
    expect(inspect(error).split('\n')).toEqual([
      'RpcError: it did not work',
      '    at caller (file.ts:1:1)',
      '  code: NOT_FOUND (5), attempts: 2, maybeExecuted: true',
      '  details: no such image',
      '  attempt 1: UNAVAILABLE after 25 ms, no connection: nobody there',
      '  attempt 2: DEADLINE_EXCEEDED after 800 ms, 10.0.0.5:7000, RTT 12.3 ms, 5 packets sent, 2 lost: no answer',
      "  metadata: { k: [ 'v' ] }",
      "  cause: 'below'",
    ]);
    expect(inspect({ a: error }, { depth: 0 })).toBe('{ a: [RpcError: it did not work] }');
  });

  test('prints only what there is', () => {
    const error = new RpcError(init);
    error.stack = 'RpcError: /a.B/C NOT_FOUND: no such image';
    expect(inspect(error)).toBe(
      'RpcError: /a.B/C NOT_FOUND: no such image\n  code: NOT_FOUND (5), attempts: 1, maybeExecuted: true',
    );
  });

  test('names every status', () => {
    expect([statusName(Status.OK), statusName(Status.UNAUTHENTICATED)]).toEqual(['OK', 'UNAUTHENTICATED']);
  });
});
