import { jest } from '@jest/globals';
import { LogWriter } from '../../../src/logging/log-writer.js';
import { type LogRecord } from '../../../src/logging/log-record.js';

const description = { level: 'warn', message: 'a', fields: { path: '/a/b' } } as const;

test('what a peer says is one line that is fit for a terminal, and not longer than 500 characters', () => {
  const records: LogRecord[] = [];
  const writer = new LogWriter((record) => records.push(record));
  writer.log('udprpc:warning', { ...description, message: `two\nlines \u001b[31m${'x'.repeat(600)}` }, 0);
  expect(records[0]?.message).toBe(`two?lines ?[31m${'x'.repeat(485)}`);
});

test('how many were left out stands among the fields, where there were any', () => {
  const records: LogRecord[] = [];
  const writer = new LogWriter((record) => records.push(record));
  writer.log('udprpc:warning', description, 0);
  writer.log('udprpc:warning', description, 7);
  expect(records.map(({ fields }) => fields)).toEqual([
    { path: '/a/b' },
    { path: '/a/b', suppressedCount: 7 },
  ]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('disk full');
    },
  ],
  ['rejects', () => Promise.reject(new Error('disk full'))],
])('a logger that %s harms nothing, and is told of once', async (_, write) => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    const writer = new LogWriter(write);
    for (let count = 0; count < 3; count++) writer.log('udprpc:warning', description, 0);
    await new Promise(setImmediate);
    expect(emitWarning.mock.calls).toEqual([
      ['what logEvents writes to has thrown: Error: disk full', 'UdprpcWarning'],
    ]);
  } finally {
    emitWarning.mockRestore();
  }
});
