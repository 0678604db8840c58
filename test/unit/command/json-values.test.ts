import fc from 'fast-check';
import { jsonValues } from '../../../src/command/json-values.js';

async function cut(pieces: readonly string[]): Promise<string[]> {
  const values: string[] = [];
  for await (const value of jsonValues(pieces)) values.push(value);
  return values;
}

test.each([
  ['', []],
  [' \n', []],
  ['{}', ['{}']],
  ['{"a":"}"}{"b":[1,{}]}\n[2] ', ['{"a":"}"}', '{"b":[1,{}]}', '[2]']],
  ['"a b" 1 true\nnull', ['"a b"', '1', 'true', 'null']],
  ['"\\"}" {"\\\\":1}', ['"\\"}"', '{"\\\\":1}']],
  // What is wrong is for the parser to say.
  ['{a} }', ['{a}', '}']],
])('%j', async (text, values) => {
  expect(await cut([text])).toEqual(values);
});

test('values come out however the text is cut into pieces', async () => {
  const json = fc.oneof(
    fc.json(),
    fc.json().map((text) => ` ${text}\n`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(json), fc.array(fc.nat(200)), async (texts, cuts) => {
      const text = texts.join(' ');
      const places = [...cuts].sort((a, b) => a - b);
      const pieces = [0, ...places].map((from, index) => text.slice(from, places[index]));
      expect(await cut(pieces)).toEqual(texts.map((each) => each.trim()));
    }),
  );
});

test('a value is there as soon as it is complete', async () => {
  const pieces = (async function* () {
    yield '{"a":1}';
    throw new Error('the next piece was asked for');
  })();
  const values = jsonValues(pieces);
  expect((await values.next()).value).toBe('{"a":1}');
});

test('what is not finished, and what is too long, is refused', async () => {
  await expect(cut(['{"a":', '[1,2'])).rejects.toThrow(
    'the JSON ends in the middle of a value: "{\\"a\\":[1,2"',
  );
  await expect(cut(['"abc'])).rejects.toThrow('the JSON ends in the middle of a value');
  const piece = `"${'x'.repeat(1_000_000)}`;
  await expect(
    cut(Array.from({ length: 20 }, () => piece.replaceAll('"', '')).concat(['{'])),
  ).rejects.toThrow('a JSON value has more than 16777216 characters');
});
