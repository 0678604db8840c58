import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expectedFacts } from './expected-facts.js';

interface Printed {
  readonly surprises: readonly string[];
  readonly observed: Readonly<Record<string, unknown>>;
}

/** In a process of its own: in jest the environment is a copy, and errors are of another realm. */
async function printedFacts(environment: Readonly<Record<string, string>>): Promise<Printed> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', '--import', './test/support/typescript.mjs', './test/node-tls/print-facts.ts'],
    { timeout: 60_000, env: { ...process.env, ...environment } },
  ).catch((error: unknown) => {
    // With surprises it ends with 1, and has said which.
    if ((error as { code?: unknown }).code === 1) return error as { stdout: string };
    throw error;
  });
  return JSON.parse(stdout) as Printed;
}

describe.each([
  ['as it is', {}],
  ['told by the environment to verify nothing', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
])('node:tls, %s', (_name, environment: Readonly<Record<string, string>>) => {
  const expected = expectedFacts(process.versions.node, environment);
  let printed: Printed;
  beforeAll(async () => {
    printed = await printedFacts(environment);
  }, 60_000);

  test.each(Object.keys(expected))('%s', (name) => {
    expect(printed.observed).toHaveProperty([name], asJson(expected[name]));
  });

  test('nothing is seen that is not expected', () => {
    expect(printed.surprises).toEqual([]);
  });
});

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
