/** `npm run tls-facts`: what node:tls of the Node that runs this does, as JSON; fails where that is not what is expected. */
import { isDeepStrictEqual } from 'node:util';
import { expectedFacts } from './expected-facts.js';
import { FACTS } from './facts.js';

const expected = asJson(expectedFacts(process.versions.node, process.env)) as Record<string, unknown>;
const observed: Record<string, unknown> = {};
for (const { name, observe } of FACTS) observed[name] = asJson(await observe());
const surprises = Object.keys({ ...expected, ...observed }).filter(
  (name) => !isDeepStrictEqual(observed[name], expected[name]),
);
process.stdout.write(`${JSON.stringify({ node: process.version, surprises, observed }, undefined, 1)}\n`);
process.exitCode = surprises.length === 0 ? 0 : 1;

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
