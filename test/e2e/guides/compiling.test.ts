/** All samples of README and guides together, under the settings of the project, which are stricter than most readers'. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TOP } from '../../support/markdown.js';
import { SampleFolder } from '../../support/samples.js';

test('the samples compile under strict settings', async () => {
  const samples = await SampleFolder.create();
  const tsconfig = {
    extends: '../../tsconfig.json',
    compilerOptions: { allowJs: true, checkJs: true, types: ['node'] },
    // The types of Node 20 lack one that Connect's need.
    include: ['*.ts', '*.mjs', '../../src/connect/headers-init.d.ts'],
  };
  samples.write('tsconfig.json', JSON.stringify(tsconfig));
  const tsc = join(TOP, 'node_modules/.bin/tsc');
  const output = await promisify(execFile)(tsc, ['-p', samples.path]).catch((error: unknown) => error);
  expect(output).toEqual({ stdout: '', stderr: '' });
}, 120_000);
