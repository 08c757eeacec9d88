// Tests run as native ES modules (PKI.js 4 ships nothing else), so the runner needs --experimental-vm-modules; see package.json.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } }],
  },
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
  // Much of a test's time is waiting, so two files side by side serve two cores better than Jest's one less than there are.
  maxWorkers: 2,
  testTimeout: 30_000,
};
