import { Status } from 'nice-grpc-common';
import fc from 'fast-check';
import { RetryBudget } from '../../../../src/rpc/client/retry-budget.js';

function spend(budget: RetryBudget): void {
  while (budget.hasRoom) budget.onFailure(Status.UNAVAILABLE, true);
}

describe('a retry budget', () => {
  test('lets 500 calls that were in flight when a server died be made again, by default', () => {
    const budget = new RetryBudget();
    const allowed = Array.from({ length: 600 }, () => budget.onFailure(Status.UNAVAILABLE, true));
    expect(allowed.indexOf(false)).toBe(500);
    expect(allowed.slice(500)).not.toContain(true);
  });

  test('then allows one more for ten calls that succeed', () => {
    const budget = new RetryBudget();
    spend(budget);
    let retries = 0;
    for (let call = 0; call < 1_000; call++) {
      budget.onSuccess();
      if (budget.hasRoom && budget.onFailure(Status.UNAVAILABLE, true)) retries++;
    }
    // The first success opens it, every ten more again.
    expect(retries).toBeGreaterThanOrEqual(100);
    expect(retries).toBeLessThanOrEqual(101);
  });

  test('is left alone by what certainly did not run, and does not hold that back', () => {
    const budget = new RetryBudget({ maxTokens: 4 });
    expect(budget.onFailure(Status.UNAVAILABLE, false)).toBe(true);
    expect(budget.tokens).toBe(4);
    spend(budget);
    expect(budget.onFailure(Status.UNAVAILABLE, false)).toBe(true);
    expect(budget.onFailure(Status.UNAVAILABLE, true)).toBe(false);
  });

  test('is spent by a server that has too much to do, although the call did not run', () => {
    const budget = new RetryBudget({ maxTokens: 4 });
    const allowed = [1, 2, 3].map(() => budget.onFailure(Status.RESOURCE_EXHAUSTED, false));
    expect(allowed).toEqual([true, true, false]);
    expect(budget.tokens).toBe(1);
  });

  test('can be none', () => {
    const budget = new RetryBudget(false);
    for (let failure = 0; failure < 10_000; failure++) {
      expect(budget.onFailure(Status.UNAVAILABLE, true)).toBe(true);
    }
  });

  test('never holds more than it was made for, nor less than nothing, and has room only above half', () => {
    const options = fc.record({
      maxTokens: fc.integer({ min: 1, max: 20 }),
      tokenRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(options, fc.array(fc.boolean(), { maxLength: 200 }), (given, outcomes) => {
        const budget = new RetryBudget(given);
        for (const isSuccess of outcomes) {
          const { hasRoom } = budget;
          if (isSuccess) budget.onSuccess();
          else expect(budget.onFailure(Status.UNAVAILABLE, true)).toBe(hasRoom);
          expect(budget.tokens).toBeLessThanOrEqual(given.maxTokens);
          expect(budget.tokens).toBeGreaterThanOrEqual(0);
          expect(budget.hasRoom).toBe(budget.tokens > given.maxTokens / 2);
        }
      }),
    );
  });

  test.each([
    [{ maxTokens: 0 }, 'retryBudget.maxTokens is 0: it takes a number, from 1 to 1000000'],
    [{ tokenRatio: 2 }, 'retryBudget.tokenRatio is 2: it takes a number, from 0 to 1'],
    [{ tokenRatio: '1' }, 'retryBudget.tokenRatio is "1"'],
    [true, 'retryBudget is true: it takes false or an object of its options'],
    [null, 'retryBudget is null: it takes false or an object of its options'],
  ])('takes no options that cannot be: %j', (options, message) => {
    expect(() => new RetryBudget(options as false)).toThrow(message);
  });
});
