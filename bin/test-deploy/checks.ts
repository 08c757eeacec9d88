import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { kms } from '../../lambdas/aws/kms-client.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { createClient } from '../demo/client.ts';
import { openOpenssl } from '../demo/openssl.ts';
import { tellStory } from '../demo/story.ts';
import { TestFailure } from './failure.ts';
import type { Internet } from './internet.ts';
import type { Outputs } from './operator.ts';

// A function's first call starts a process, and a stream is asked once a second.
const patienceMilliseconds = 60_000;

/** Takes an agent through its whole life over the deployed API, as the demo does over a local one. */
export async function takeTheJourney(apiUrl: string, key: string, { fetch }: Internet, signal: AbortSignal): Promise<void> {
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const openssl = await openOpenssl(signal);
  try {
    await tellStory({ client: createClient(apiUrl, key, signal, fetch), kms: kms(), openssl, fetch, patience: patienceMilliseconds }, { step: tell, lines: (...lines) => lines.forEach(tell), good: tell, command: tell }, signal);
  } catch (error) {
    throw new TestFailure(`${error instanceof Error ? error.message : String(error)}\nSo far it went thus:\n${told.join('\n')}`, { cause: error });
  } finally {
    await openssl.close();
  }
}

/** The fingerprints of the CA certificates that the API serves, by role. */
export async function authorityOf(apiUrl: string, { fetch }: Internet): Promise<string> {
  const response = await fetch(`${apiUrl}/ca`, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new TestFailure(`GET ${apiUrl}/ca answered ${response.status}: ${await response.text()}`);
  const { data } = (await response.json()) as { data: { certificates: { role: string; fingerprint_sha256: string }[] } };
  return data.certificates.map(({ role, fingerprint_sha256: fingerprint }) => `${role} ${fingerprint}`).sort().join('\n');
}

/** @throws TestFailure where the CA is another than before */
export async function insistOnAuthority(before: string, apiUrl: string, internet: Internet): Promise<void> {
  const now = await authorityOf(apiUrl, internet);
  if (now !== before) throw new TestFailure(`The certificate authority must be the same as before.\nBefore:\n${before}\nNow:\n${now}`);
}

/** Each thing that a stack leaves behind when it is destroyed, by the output that names it. */
const retained = {
  RegistryTableName: (name: string) => dynamodb().send(new DescribeTableCommand({ TableName: name })).then(({ Table }) => Table?.TableStatus === 'ACTIVE'),
  RiskTableName: (name: string) => dynamodb().send(new DescribeTableCommand({ TableName: name })).then(({ Table }) => Table?.TableStatus === 'ACTIVE'),
  DistributionBucketName: bucketIsThere,
  DeadLetterBucketName: bucketIsThere,
  AuditBucketName: bucketIsThere,
  RootKeyArn: keyIsEnabled,
  IssuingKeyArn: keyIsEnabled,
  OcspKeyArn: keyIsEnabled,
  AttestationKeyArn: keyIsEnabled,
  WebhookKeyArn: keyIsEnabled,
} as const;

/** @throws TestFailure that names what is gone, or does not work any more */
export async function insistOnWhatIsRetained(outputs: Outputs): Promise<string> {
  const names = Object.keys(retained) as (keyof typeof retained)[];
  const there = await Promise.all(names.map((name) => retained[name](outputs[name] ?? '').catch(() => false)));
  const gone = names.filter((_, index) => !there[index]);
  if (gone.length > 0) throw new TestFailure(`The stack must leave these behind, and they are gone: ${gone.map((name) => `${name} ${outputs[name]}`).join(', ')}.`);
  return `${names.length} tables, buckets and keys`;
}

function bucketIsThere(name: string): Promise<boolean> {
  return s3().send(new HeadBucketCommand({ Bucket: name })).then(() => true);
}

function keyIsEnabled(arn: string): Promise<boolean> {
  return kms().send(new DescribeKeyCommand({ KeyId: arn })).then(({ KeyMetadata }) => KeyMetadata?.KeyState === 'Enabled');
}

/** @throws TestFailure where the API of a stack that is gone still answers */
export async function insistOnSilence(apiUrl: string, { fetch }: Internet): Promise<void> {
  const { status } = await fetch(`${apiUrl}/health`);
  if (status === 200) throw new TestFailure(`${apiUrl} must be gone with its stack, and it answers.`);
}
