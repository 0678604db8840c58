import { closestName, didYouMean } from '../../../src/dynamic/closest-name.js';

test.each([
  ['nmae', ['name', 'offset'], 'name'],
  ['ImageService', ['image.v1.ImageService', 'grpc.health.v1.Health'], 'image.v1.ImageService'],
  ['image.v1.Imageservice', ['image.v1.ImageService', 'image.v2.ImageService'], 'image.v1.ImageService'],
  ['pageSize', ['page_size', 'page_token'], 'page_size'],
  ['list', ['List', 'GetMeta'], 'List'],
  ['delete', ['List', 'GetMeta'], undefined],
  ['anything', [], undefined],
])('%s among %j: %s', (name, known, expected) => {
  expect(closestName(name, known)).toBe(expected);
});

test('says what is close, or else what there is, and not all of it', () => {
  expect(didYouMean('nmae', ['name'])).toBe(': did you mean name?');
  expect(didYouMean('delete', ['List', 'GetMeta'], 'It has')).toBe('. It has List, GetMeta');
  const many = Array.from({ length: 20 }, (_, index) => `Method${index}`);
  expect(didYouMean('x', many)).toBe(`. There is ${many.slice(0, 12).join(', ')} and 8 more`);
  expect(didYouMean('x', [])).toBe('');
});

test('a name of a million letters costs no time', () => {
  const known = Array.from({ length: 100_000 }, () => 'y'.repeat(100));
  expect(closestName('x'.repeat(1_000_000), known)).toBeUndefined();
});
