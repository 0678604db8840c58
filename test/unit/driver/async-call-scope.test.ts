import { AsyncCallScope } from '../../../src/driver/async-call-scope.js';
import { type ParentCall } from '../../../src/rpc/call-scope.js';

const parentCall = (): ParentCall & { isRunning: boolean } => ({
  isRunning: true,
  deadlineAt: Infinity,
  signal: new AbortController().signal,
});

const scope = new AsyncCallScope();

/** What is current in a place that `start` leads to. */
const currentIn = (start: (callback: () => void) => void): Promise<ParentCall | undefined> =>
  new Promise((resolve) => {
    start(() => {
      resolve(scope.current());
    });
  });

beforeAll(() => {
  scope.acquire();
});

afterAll(() => {
  scope.release();
});

describe('the scope of a call', () => {
  test('is there in all that its handler does, and nowhere else', async () => {
    const parent = parentCall();
    const seen = await scope.run(parent, async () => [
      scope.current(),
      await Promise.resolve().then(() => scope.current()),
      await currentIn((callback) => setTimeout(callback, 0)),
      await currentIn((callback) => setImmediate(callback)),
      await currentIn((callback) => {
        queueMicrotask(callback);
      }),
      scope.current(),
    ]);
    expect(seen).toEqual(seen.map(() => parent));
    expect(scope.current()).toBeUndefined();
  });

  test('is each its own where calls are mixed, and an inner one hides the outer', async () => {
    const [outer, inner] = [parentCall(), parentCall()];
    const seen: boolean[] = [];
    const turns = async (own: ParentCall): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) {
        await Promise.resolve();
        seen.push(scope.current() === own);
      }
    };
    await scope.run(outer, () => Promise.all([turns(outer), scope.run(inner, turns, inner), turns(outer)]));
    expect(seen).toEqual(Array<boolean>(9).fill(true));
  });

  test('passes arguments, results and errors', () => {
    expect(scope.run(parentCall(), (a: number, b: number) => a - b, 5, 3)).toBe(2);
    expect(() =>
      scope.run(parentCall(), () => {
        throw new Error('of the handler');
      }),
    ).toThrow('of the handler');
    expect(scope.current()).toBeUndefined();
  });

  test('is over with its handler, also for a timer that the handler has left', () => {
    const parent = parentCall();
    scope.run(parent, () => {
      parent.isRunning = false;
      expect(scope.current()).toBeUndefined();
    });
  });

  test('is not handed to what is made detached, and there again behind it', () => {
    const parent = parentCall();
    scope.run(parent, () => {
      expect(scope.runDetached(() => scope.current())).toBeUndefined();
      expect(scope.current()).toBe(parent);
    });
    expect(scope.runDetached(() => 'outside any call')).toBe('outside any call');
  });
});

describe('whether a scope is entered', () => {
  test('is decided by those who read it: from the first to the last of them', () => {
    const counted = new AsyncCallScope();
    const states = [counted.isActive];
    for (const step of ['acquire', 'acquire', 'release', 'release', 'acquire'] as const) {
      counted[step]();
      states.push(counted.isActive);
    }
    expect(states).toEqual([false, true, true, true, false, true]);
    expect(counted.run(parentCall(), () => counted.current())).toBeDefined();
  });

  test('and when the last has gone, running handlers are on their own', () => {
    const left = new AsyncCallScope();
    left.acquire();
    left.run(parentCall(), () => {
      left.release();
      expect(left.current()).toBeUndefined();
    });
  });
});
