import { ServerError, Status } from 'nice-grpc-common';
import { failureOf } from '../../../../src/rpc/server/handler-invocation.js';

describe('what a handler throws', () => {
  test('may carry status details for the trailer [RPC-14], when it is a ServerError', () => {
    const statusDetails = Uint8Array.of(8, 5);
    const rich = Object.assign(new ServerError(Status.NOT_FOUND, 'no'), { statusDetails });
    expect(failureOf(rich)).toEqual({
      code: Status.NOT_FOUND,
      details: 'no',
      isUnexpected: false,
      statusDetails,
    });
    expect(failureOf(new ServerError(Status.NOT_FOUND, 'no')).statusDetails).toBeUndefined();
    expect(failureOf(Object.assign(rich, { statusDetails: 'text' })).statusDetails).toBeUndefined();
    expect(failureOf(Object.assign(new Error('x'), { statusDetails })).statusDetails).toBeUndefined();
  });
});
