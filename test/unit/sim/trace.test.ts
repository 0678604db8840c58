import { Trace } from '../../../src/sim/trace.js';

describe('Trace', () => {
  test('the hash covers every line, its time and the order', () => {
    const hashOf = (...lines: [number, string][]): string => {
      const trace = new Trace(1);
      for (const [now, text] of lines) trace.line(now, text);
      return trace.hash;
    };
    const all = [
      hashOf(),
      hashOf([1, 'a']),
      hashOf([2, 'a']),
      hashOf([1, 'a'], [2, 'b']),
      hashOf([2, 'b'], [1, 'a']),
      hashOf([1, 'b'], [2, 'b']),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(hashOf([1, 'a'], [2, 'b'])).toBe(hashOf([1, 'a'], [2, 'b']));
    expect(hashOf([1, 'a'])).toMatch(/^[0-9a-f]{16}$/);
  });

  test('keeps the last lines and counts all', () => {
    const trace = new Trace(3);
    for (let number = 0; number < 100; number++) {
      trace.line(number, 'x');
      expect(trace.lines.length).toBeLessThanOrEqual(3);
    }
    expect(trace.lines).toEqual(['97.000 x', '98.000 x', '99.000 x']);
    expect(trace.lineCount).toBe(100);
  });
});
