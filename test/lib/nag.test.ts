import { describe, expect, test } from '@jest/globals';
import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { ownDomains, synthesize } from './synthesized.ts';

/*
 * cdk-nag's rules for AWS Solutions and NIST 800-53 revision 5. What they find is mended, or explained where it is
 * (lib/acknowledge.ts), each finding by itself.
 */

const packs = { 'AWS Solutions': new AwsSolutionsChecks(), 'NIST 800-53 R5': new NIST80053R5Checks() };

const stacks = {
  'as it comes': synthesize(),
  'with a key of the customer’s and backups': synthesize({ customerKey: true, backupRetentionDays: 365 }),
  'under names of its own, with client certificates': synthesize({ ...ownDomains, mutualTls: { truststoreUri: 's3://example-truststore/clients.pem' } }),
  'with a key that is there already': synthesize({ customerKey: 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab' }),
};

describe.each(Object.entries(stacks))('a deployment %s', (_, { stack }) => {
  test.each(Object.entries(packs))('leaves nothing of %s unexplained', (_name, pack) => {
    const { violations } = pack.validateScope(stack);
    expect(violations.flatMap(({ ruleName, violatingResources }) => violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`))).toEqual([]);
  });
});

describe('what is explained', () => {
  const acknowledged = (name: keyof typeof stacks) => stacks[name].stack.node.findAll().flatMap((construct) => construct.node.metadata
    .filter(({ type }) => type === 'aws:cdk:acknowledged-rules')
    .flatMap(({ data }) => Object.entries(data as Record<string, string>).map(([id, reason]) => ({ path: construct.node.path, id: id.replace(/^Annotation::/i, ''), reason }))));

  test('is so at the constructs it is about, never for the whole stack, and in a sentence', () => {
    for (const { path, id, reason } of acknowledged('as it comes')) {
      expect([id, path]).not.toEqual([id, 'Kakunin']);
      expect(reason).toMatch(/^[A-Z].{19,}\.$/);
    }
  });

  test('is not that there is no firewall before the API', () => {
    expect(acknowledged('as it comes').filter(({ id }) => /APIG3|AssociatedWithWAF/.test(id))).toEqual([]);
  });

  test('is not that CloudFront leaves the version of TLS open, where the name is the deployment’s own', () => {
    const aboutTls = (name: keyof typeof stacks) => acknowledged(name).filter(({ id }) => id.endsWith('CFR4'));
    expect([aboutTls('as it comes').length, aboutTls('under names of its own, with client certificates').length]).toEqual([1, 0]);
  });

  test('is less where the customer brings a key and wants backups', () => {
    const rules = (name: keyof typeof stacks) => new Set(acknowledged(name).map(({ id }) => id));
    const gone = [...rules('as it comes')].filter((id) => !rules('with a key of the customer’s and backups').has(id));
    expect(gone.sort()).toEqual(['NIST.800.53.R5-CloudWatchLogGroupEncrypted', 'NIST.800.53.R5-DynamoDBInBackupPlan']);
  });
});
