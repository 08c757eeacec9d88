// Tests run as native ES modules (PKI.js 4 ships nothing else), so the runner needs --experimental-vm-modules; see package.json.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022', experimental: { keepImportAttributes: true } }, module: { type: 'es6' } }],
  },
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
  // The runtime under test, its engine and its clients share the machine with the runner; a second file beside them would only make all wait.
  maxWorkers: 1,
  // Jest keeps of each file what it has loaded; a process that has grown so far makes room for a new one.
  workerIdleMemoryLimit: '1500MB',
  testTimeout: 60_000,
};
