import { Metadata, type MethodDescriptor } from 'nice-grpc-common';
import {
  checkCallOptions,
  checkDefaultCallOptions,
  mayHedge,
  mergeCallOptions,
  resolveHedge,
  type RpcCallOptions,
} from '../../../../src/rpc/client/call-options.js';

const method = (more: Partial<MethodDescriptor> = {}): MethodDescriptor => ({
  path: '/test.v1.TestService/Echo',
  requestStream: false,
  responseStream: false,
  options: { idempotencyLevel: 'NO_SIDE_EFFECTS' },
  ...more,
});

const ECHO = method();

describe('call options that cannot be', () => {
  test.each<[unknown, string]>([
    [{ hedge: 2 }, 'hedge is 2: it takes true, false or an object of hedge options'],
    [{ hedge: null }, 'hedge is null: it takes true, false or an object of hedge options'],
    [{ hedge: { attempts: 1 } }, 'hedge.attempts is 1: it takes a whole number, from 2 to 5'],
    [{ hedge: { attempts: 2.5 } }, 'hedge.attempts is 2.5: it takes a whole number, from 2 to 5'],
    [{ hedge: { delayMs: -1 } }, 'hedge.delayMs is -1: it takes a number of ms, from 0 to 2147483647'],
    [{ inherit: 'no' }, 'inherit is "no": it takes true or false'],
    [{ idleTimeoutMs: 0 }, 'idleTimeoutMs is 0: it takes a number of ms, 1 or more'],
    [{ maxSendMessageBytes: NaN }, 'maxSendMessageBytes is NaN: it takes a number of bytes, 0 or more'],
    [{ maxReceiveMessageBytes: '1' }, 'maxReceiveMessageBytes is "1": it takes a number of bytes'],
  ])('are refused in a call, and among the defaults under their name: %j', (options, message) => {
    const given = options as RpcCallOptions;
    expect(() => {
      checkCallOptions(given, ECHO);
    }).toThrow(message);
    expect(() => {
      checkDefaultCallOptions(given, 'echo');
    }).toThrow(`echo.${message}`);
  });

  test('are RangeErrors; what can be is taken', () => {
    expect(() => {
      checkCallOptions({ idleTimeoutMs: -1 }, ECHO);
    }).toThrow(RangeError);
    const full: RpcCallOptions = {
      hedge: { attempts: 5, delayMs: 0 },
      inherit: false,
      idleTimeoutMs: Infinity,
      maxSendMessageBytes: 0,
      maxReceiveMessageBytes: Infinity,
      retry: false,
      metadata: Metadata(),
    };
    checkCallOptions(full, ECHO);
    checkDefaultCallOptions(full, 'echo');
    checkCallOptions({}, ECHO);
  });
});

describe('hedge', () => {
  const others: [string, MethodDescriptor][] = [
    ['IDEMPOTENT', method({ options: { idempotencyLevel: 'IDEMPOTENT' } })],
    ['not declared', method({ options: {} })],
    ['a streamed request', method({ requestStream: true })],
    ['a streamed response', method({ responseStream: true })],
  ];

  test.each(others)('is refused for a method that is %s', (_what, other) => {
    expect(mayHedge(other)).toBe(false);
    expect(() => {
      checkCallOptions({ hedge: true }, other);
    }).toThrow(
      'hedge is for unary methods with idempotency_level = NO_SIDE_EFFECTS: /test.v1.TestService/Echo is none',
    );
    checkCallOptions({ hedge: false }, other);
  });

  test('is not done unless asked for; true is one more after 50 ms', () => {
    expect([undefined, false].map(resolveHedge)).toEqual([undefined, undefined]);
    expect(resolveHedge(true)).toEqual({ attempts: 2, delayMs: 50 });
    expect(resolveHedge({ attempts: 3 })).toEqual({ attempts: 3, delayMs: 50 });
    expect(resolveHedge({ delayMs: 5, attempts: undefined })).toEqual({ attempts: 2, delayMs: 5 });
  });
});

test("a call's own options are laid over the defaults, one by one", () => {
  const defaults = { hedge: true, inherit: false, maxSendMessageBytes: 5, idleTimeoutMs: 7 };
  expect(mergeCallOptions(defaults, { hedge: false, idleTimeoutMs: undefined })).toEqual({
    ...defaults,
    hedge: false,
  });
});
