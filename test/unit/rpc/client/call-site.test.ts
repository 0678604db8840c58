import { rejectAtCallSite } from '../../../../src/rpc/client/call-site.js';
import { settle } from '../../../support/manual-clock.js';

let fail: () => void = () => undefined;

function failingCall(error: Error): Promise<never> {
  return new Promise((resolve) => {
    fail = () => {
      rejectAtCallSite(resolve, error);
    };
  });
}

async function innerCaller(error: Error): Promise<void> {
  await failingCall(error);
}

async function outerCaller(error: Error): Promise<void> {
  await innerCaller(error).then(() => undefined);
}

/** Without Node's own, which stand first where it has called back. */
function placesIn(error: Error): string[] {
  return (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line) && !line.includes('(node:'));
}

function functionsIn(error: Error): string[] {
  return placesIn(error).map((line) => /^ +at (?:async )?(\w+)/.exec(line)?.[1] ?? '');
}

describe('rejectAtCallSite', () => {
  test('rejects with the error itself, whose stack names those who await the call, and nothing else', async () => {
    const error = new RangeError('too far');
    const call = outerCaller(error);
    fail();
    await expect(call).rejects.toBe(error);
    expect(error.stack).toMatch(/^RangeError: too far\n/);
    expect(functionsIn(error).slice(0, 2)).toEqual(['innerCaller', 'outerCaller']);
    expect(error.stack).not.toContain('call-site.ts');
  });

  test('names those too who call in vain in the same turn', async () => {
    const error = new Error('at once');
    const failAtOnce = async (): Promise<void> => {
      const call = failingCall(error);
      fail();
      await call;
    };
    await expect(failAtOnce()).rejects.toBe(error);
    expect(functionsIn(error)[0]).toBe('failAtOnce');
  });

  test('names who reads a stream', async () => {
    const error = new Error('torn');
    const stream: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => failingCall(error) as Promise<IteratorResult<number>> }),
    };
    const reader = async (): Promise<void> => {
      for await (const message of stream) expect(message).toBeDefined();
    };
    const reading = reader();
    fail();
    await expect(reading).rejects.toBe(error);
    // Its name is what a source map makes of it.
    expect(placesIn(error)[0]).toMatch(/^ +at .*call-site\.test\.ts/);
  });

  test('formats no stack before it is read', async () => {
    const error = new Error('quiet');
    const call = innerCaller(error);
    const formatted: unknown[] = [];
    const errors: { prepareStackTrace?: unknown } = Error;
    errors.prepareStackTrace = (of: unknown) => {
      formatted.push(of);
      return 'formatted';
    };
    try {
      fail();
      await call.catch(() => undefined);
      await settle();
      expect(formatted).not.toContain(error);
      expect(error.stack).toBe('formatted');
      expect(formatted).toContain(error);
    } finally {
      delete errors.prepareStackTrace;
    }
  });

  test('leaves no rejection that nobody handles', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on('unhandledRejection', onUnhandled);
    const call = failingCall(new Error('handled'));
    fail();
    await call.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });
});
