import { jsonText } from '../../../src/command/shown.js';

test('JSON is the same value, in one line, with nothing in it that steers a terminal', () => {
  const value = { 'a\u001b[2J': 'b\u202e\u009b1m\u2028\u{e0001}\n', umlaut: 'ü' };
  const text = jsonText(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toMatch(/^[\u0020-\u007e]*ü"\}$/);
  expect(text).toContain('\\udb40\\udc01');
});
