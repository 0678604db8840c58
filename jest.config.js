/** ESM through swc; see test/support/jest-environment.cjs for why the environment is our own. */
export default {
  roots: ['<rootDir>/test'],
  // What takes minutes (`npm run test:long`), and code whose name only looks like a test's.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/long/', '<rootDir>/test/generated/'],
  testEnvironment: '<rootDir>/test/support/jest-environment.cjs',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' } }] },
};
