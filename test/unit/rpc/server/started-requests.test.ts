import fc from 'fast-check';
import { RequestWindow, StartedRequests } from '../../../../src/rpc/server/started-requests.js';

describe('the window of started requests', () => {
  test('[AMO-2] starts each sequence number once, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), (sequences) => {
        const window = new RequestWindow();
        const started = new Set<number>();
        for (const sequence of sequences) {
          expect(window.tryStart(sequence, 2)).toBe(!started.has(sequence));
          started.add(sequence);
        }
      }),
    );
  });

  test('[AMO-2] forgets only what is oldest, and then starts only first attempts there', () => {
    const window = new RequestWindow();
    for (let index = 0; index < 1_025; index++) window.tryStart(2 * index, 1);
    expect(window.tryStart(0, 2)).toBe(false);
    expect(window.tryStart(0, 1)).toBe(true);
    expect(window.tryStart(1, 2)).toBe(true);
    expect(window.tryStart(2, 1)).toBe(false);
    expect(window.tryStart(2_048, 1)).toBe(false);
  });

  test('is kept for as many clients as were asked for; those that came back last stay', () => {
    const requests = new StartedRequests(2);
    const first = requests.windowOf('first');
    const second = requests.windowOf('second');
    expect(requests.windowOf('first')).toBe(first);
    requests.windowOf('third');
    expect(requests.windowOf('first')).toBe(first);
    expect(requests.windowOf('second')).not.toBe(second);
  });
});
