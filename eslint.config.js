import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// The layers, lowest first; each may import itself and what stands before it (docs/architecture.md).
const layers = {
  'lambdas/pki': ['authority', 'http', 'aws', 'outbound', 'handlers'],
  'lambdas/authority': ['http', 'aws', 'outbound', 'handlers'],
  'lambdas/http': ['aws', 'outbound', 'handlers'],
  'lambdas/aws': ['http', 'outbound', 'handlers'],
  'lambdas/outbound': ['http', 'aws', 'handlers'],
};

export default tseslint.config(
  { ignores: ['node_modules', 'cdk.out', 'coverage', 'dist', 'client/operations.ts'] },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 400 }],
    },
  },
  ...Object.entries(layers).map(([folder, above]) => ({
    files: [`${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: `(^|/)(${above.join('|')}|local|lib|bin)/`, message: `${folder} may not import from a layer above it.` }] }],
    },
  })),
  {
    // Only handlers read the environment; the rest is handed what it needs.
    files: ['lambdas/**/*.ts'],
    ignores: ['lambdas/handlers/**'],
    rules: { 'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only handlers read the environment.' }] },
  },
  {
    // One way into the log, which keeps out what does not belong there.
    files: ['lambdas/**/*.ts'],
    ignores: ['lambdas/log.ts', 'lambdas/pki/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', { selector: 'ImportDeclaration[source.value="@aws-lambda-powertools/logger"]', message: 'Log with lambdas/log.ts.' }],
    },
  },
  {
    files: ['lambdas/pki/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'pki takes time as an argument.' },
        { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: 'pki takes time as an argument.' },
        { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: 'pki takes randomness as an argument.' },
      ],
      'no-restricted-imports': ['error', { patterns: [{ regex: '(^|/)(authority|http|aws|outbound|handlers|local|lib|bin)/', message: 'lambdas/pki is pure.' }, { regex: '^@aws-sdk/', message: 'lambdas/pki knows no AWS.' }] }],
    },
  },
  {
    // What counterparties run, in Node and in browsers: it shares the readers of pki, which `tsc -p verify` holds free of Node.
    files: ['verify/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^(?!\\./[a-z0-9-]+\\.ts$|\\.\\./lambdas/pki/[a-z0-9-]+\\.ts$)', message: 'verify imports itself and the readers of lambdas/pki.' }] }],
      'no-restricted-globals': ['error', 'Buffer', 'process'],
    },
  },
  {
    // What callers of the API run, in Node and in browsers.
    files: ['client/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^(?!\\./[a-z0-9-]+\\.ts$)', message: 'client imports itself only.' }] }],
      'no-restricted-globals': ['error', 'Buffer', 'process'],
    },
  },
  {
    // Made to be copied: they have of this repository what others have, the package.
    files: ['examples/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: '^\\.\\./', message: 'Examples import themselves and kakunin/….' }] }] },
  },
  {
    // Infrastructure names handlers by path only; it shares the tables (metrics, rate-limits, routes, schema, triggers) with them.
    files: ['lib/**/*.ts', 'bin/app.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: 'lambdas/(?!metrics|rate-limits|routes|schema|triggers|pki/)', message: 'lib imports only lambdas/metrics.ts, lambdas/rate-limits.ts, lambdas/routes.ts, lambdas/schema.ts, lambdas/triggers.ts and the rules of lambdas/pki.' }] }] },
  },
);
