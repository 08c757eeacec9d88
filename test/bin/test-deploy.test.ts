import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { commandsUnder, exported, fillIn, shown } from '../../bin/test-deploy/guide.ts';
import { destinationOf, openInternet } from '../../bin/test-deploy/internet.ts';
import { withoutOmissions } from '../../bin/test-deploy/omissions.ts';
import { run, whatMatters } from '../../bin/test-deploy/run.ts';
import { createSteps } from '../../bin/test-deploy/steps.ts';

/* What npm run test:deploy is made of, as far as it takes no emulator. */

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('The guides have the commands that are typed, and each placeholder is something that was printed before', () => {
  const first = commandsUnder('## Deploy', read('README.md'));
  expect(first.filter((line) => !/^npm ci|^export /.test(line))).toHaveLength(5);
  expect(first).toContain('npx cdk deploy --outputs-file outputs.json');
  const guide = read('docs/deployment.md');
  expect(commandsUnder('## Upgrade', guide)).toContain('npx cdk deploy --outputs-file outputs.json');
  expect(commandsUnder('## Teardown', guide)).toEqual(['npx cdk destroy']);
  const printed = new Map(['tenant id', 'key', 'ApiUrl'].map((name) => [name, `${name}!`]));
  const all = [...first, ...commandsUnder('## Upgrade', guide), ...commandsUnder('## Teardown', guide)];
  expect(all.map((line) => fillIn(line, printed)).filter((line) => line.includes('<'))).toEqual([]);
  expect(() => fillIn('see <RootKeyArn>', printed)).toThrow('Nothing that was printed before says what <RootKeyArn> is in "see <RootKeyArn>".');
  expect(() => commandsUnder('## Nowhere', guide)).toThrow('no commands below "## Nowhere"');
});

test('Comments are not commands, and what is printed or exported is read as a person would', () => {
  expect(commandsUnder('## A', '## A\n\n```sh\n# first\na   # why\n\nb "x # y"\n```\n\n```sh\nc\n```\n')).toEqual(['a', 'b "x # y"']);
  expect(shown('Created tenant Acme with the id\n\n  0b6a\n\nGive it a key')).toBe('0b6a');
  expect(shown('nothing')).toBeUndefined();
  expect(exported('export A=1 B=x=y')).toEqual({ A: '1', B: 'x=y' });
  expect(exported('npx cdk deploy')).toBeUndefined();
});

test('Names of AWS lead to the emulator, OCSP past its CloudFront, and nothing else leads anywhere', () => {
  const api = 'https://0abc1234.execute-api.eu-west-1.amazonaws.com/v1';
  expect(destinationOf('0abc1234.execute-api.eu-west-1.amazonaws.com', '/v1/health', undefined)).toEqual({ host: '0abc1234.execute-api.localhost', path: '/v1/health' });
  expect(destinationOf('d1abc.cloudfront.net', '/crl/shard-1.crl', api)).toEqual({ host: 'd1abc.cloudfront.net', path: '/crl/shard-1.crl' });
  expect(destinationOf('d1abc.cloudfront.net', '/ocsp/MEkw', api)).toEqual({ host: '0abc1234.execute-api.localhost', path: '/v1/ocsp/MEkw' });
  expect(destinationOf('d1abc.cloudfront.net', '/ocspx', api)).toEqual({ host: 'd1abc.cloudfront.net', path: '/ocspx' });
  for (const host of ['example.com', 'kms.eu-west-1.amazonaws.com', '127.0.0.1', 'd1abc.cloudfront.net.example.com']) expect(destinationOf(host, '/', api)).toBeUndefined();
});

test('curl gets through by http and by https, and elsewhere not at all', async () => {
  const signal = AbortSignal.timeout(30_000);
  // A second one is the emulator: what it does not know it names, which shows what it was asked for.
  const emulator = await openInternet({ emulatorUrl: 'http://127.0.0.1:9', region: 'eu-west-1', apiUrl: () => undefined }, signal);
  const internet = await openInternet({ emulatorUrl: emulator.proxy, region: 'eu-west-1', apiUrl: () => undefined }, signal);
  try {
    const environment = { ...process.env, https_proxy: internet.proxy, http_proxy: internet.proxy, no_proxy: '', CERTIFICATE: internet.certificate };
    const curl = (url: string) => run(`curl -sS --cacert <(echo "$CERTIFICATE") ${url}`, { cwd: '/', environment, signal });
    expect(await curl('https://0abc1234.execute-api.eu-west-1.amazonaws.com/v1/health')).toBe('0abc1234.execute-api.localhost is not part of this test.\n');
    expect(await curl('http://example.com/')).toBe('example.com is not part of this test.\n');
    expect(await (await internet.fetch('https://0abc1234.execute-api.eu-west-1.amazonaws.com/v1', { method: 'POST', body: '{}' })).text()).toBe('0abc1234.execute-api.localhost is not part of this test.\n');
  } finally {
    await internet.close();
    await emulator.close();
  }
});

test('What the emulator lacks is left out, and nothing else', () => {
  const allow = { Effect: 'Allow', Action: 's3:GetObject' };
  const refusal = { Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
  const template = (statements: object[]) => ({
    Resources: {
      Policy: { Type: 'AWS::S3::BucketPolicy', Properties: { Bucket: 'b', PolicyDocument: { Version: '2012-10-17', Statement: statements } } },
      Other: { Type: 'AWS::SQS::QueuePolicy', Properties: { PolicyDocument: { Statement: [refusal] } } },
    },
    Outputs: { A: 1 },
  });
  expect(withoutOmissions(template([refusal, allow]))).toEqual(template([allow]));
  const path = (name: string) => ({ 'aws:cdk:path': `Kakunin/Alarms/${name}/Resource` });
  const alarms = { One: { Type: 'AWS::CloudWatch::Alarm', Metadata: path('ServerErrors') }, Two: { Type: 'AWS::CloudWatch::Alarm', Metadata: path('KeyQuota') } };
  const dashboard = (one: unknown) => ({ Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: { 'Fn::Join': ['', [one, { 'Fn::GetAtt': ['Two', 'Arn'] }]] } } });
  expect(withoutOmissions({ Resources: { ...alarms, Dashboard: dashboard({ 'Fn::GetAtt': ['One', 'Arn'] }) } })).toEqual({ Resources: { Two: alarms.Two, Dashboard: dashboard('left-out') } });
});

test('A command that fails says what it printed that matters; of much, the failures and the end', async () => {
  const options = { cwd: '/', environment: process.env, signal: AbortSignal.timeout(30_000) };
  expect(await run('echo out; echo err >&2', options)).toMatch(/^(?:out\nerr|err\nout)\n$/);
  await expect(run('echo why; exit 3', options)).rejects.toThrow('"echo why; exit 3" failed with the exit status 3:\nwhy');
  const output = [...Array.from({ length: 50 }, (_, n) => `line ${n}`), 'CREATE_FAILED', ...Array.from({ length: 30 }, (_, n) => `end ${n}`)].join('\n');
  expect(whatMatters(output, 2)).toBe('CREATE_FAILED\nend 28\nend 29');
  await expect(run('sleep 60', { ...options, signal: AbortSignal.timeout(200) })).rejects.toThrow();
});

test('Steps are said as they end, and stand in a table with what became of them', async () => {
  const lines: string[] = [];
  const { step, skip, table } = createSteps((line) => lines.push(line));
  await step('one', async () => 'two things');
  await expect(step('three', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  skip('four', 'there is none');
  expect(lines.map((line) => line.trim().replace(/^[\d.]+ s +/, ''))).toEqual(['one: two things', 'FAILED: three', 'SKIPPED   four: there is none']);
  expect(table().map((line) => line.split(/ +/)[0])).toEqual(['', 'ok', 'FAILED', 'skipped', expect.stringMatching(/^[\d.]+$/)]);
});
