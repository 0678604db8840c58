import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from '../../../src/observe/log-file.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

function opened(path: string, budgetBytes: number) {
  const budget = { remainingBytes: budgetBytes };
  let closed: (error: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((resolve) => (closed = resolve));
  return { file: new LogFile(path, budget, closed), budget, ended };
}

test('what was written is in the file, in order, when it has ended', async () => {
  const path = join(temporaryDirectory(), 'log');
  const { file, ended, budget } = opened(path, 1_000);
  for (const text of ['one ', 'two ', 'three']) expect(file.write(text)).toBe(true);
  file.end();
  expect(await ended).toBeUndefined();
  expect(readFileSync(path, 'utf8')).toBe('one two three');
  expect(budget.remainingBytes).toBe(1_000);
});

test('what is too much is refused, and there is room again when it is on the disk', async () => {
  const path = join(temporaryDirectory(), 'log');
  const { file, ended, budget } = opened(path, 10);
  expect(file.write('12345678')).toBe(true);
  expect(file.write('123')).toBe(false);
  expect(file.write('12')).toBe(true);
  while (budget.remainingBytes < 10) await new Promise(setImmediate);
  expect(file.write('0123456789')).toBe(true);
  file.end();
  expect(file.write('late')).toBe(false);
  await ended;
  expect(readFileSync(path, 'utf8')).toBe('12345678120123456789');
});

test('a file that cannot be made says why, once, and takes nothing', async () => {
  const { file, ended, budget } = opened(join(temporaryDirectory(), 'no', 'such', 'log'), 100);
  file.write('lost');
  expect(await ended).toMatchObject({ code: 'ENOENT' });
  expect(file.write('more')).toBe(false);
  expect(budget.remainingBytes).toBe(100);
  file.end();
});
