import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { permissionTable } from '../../lib/permission-table.ts';
import { handlerNames } from '../../lib/platform.ts';
import { nameOf } from '../../lib/wildcards.ts';
import { lines, list, root, synthesize, type Statement } from './synthesized.ts';

const stack = synthesize();
const { ofType, functions, render, statementsOf, wildcards } = stack;

const ownLogs = 'logs:CreateLogStream logs:PutLogEvents on <own logs>';
const tracing = 'xray:PutTelemetryRecords xray:PutTraceSegments on *';
const everywhere = new Set([ownLogs, tracing]);

const noOtherTags = 'aws:TagKeys ForAllValues:StringEquals kakunin:agent kakunin:certificate kakunin:deployment kakunin:role kakunin:tenant';
const agentTags = 'aws:RequestTag/kakunin:deployment StringEquals kakunin, aws:RequestTag/kakunin:role StringEquals agent';
const inTransaction = (action: string, ...kinds: string[]) => `dynamodb:${action} on <registry>, dynamodb:EnclosingOperation ForAnyValue:StringEquals TransactWriteItems, keys in ${kinds.join(' ')}`;
const revoke = ['dynamodb:UpdateItem on <registry>, keys in AGENT#* CERT#*', inTransaction('PutItem', 'AUDIT#*', 'OUTBOX#*', 'REVOKED#*')];
// In one statement, by the CDK's doing.
const readAndRevoke = ['dynamodb:GetItem dynamodb:UpdateItem on <registry>, keys in AGENT#* CERT#*', ...revoke.slice(1)];
const readAgent = 'dynamodb:GetItem on <registry>, keys in AGENT#*';
const readCertificate = 'dynamodb:GetItem on <registry>, keys in CERT#*';
// Whatever changes something honours Idempotency-Key.
const keyed = 'dynamodb:PutItem dynamodb:UpdateItem on <registry>, keys in IDEMPOTENCY#*';
const oneWebhook = 'kms:EncryptionContext:tenant_id Null false, kms:EncryptionContext:webhook_id Null false, kms:EncryptionContextKeys ForAllValues:StringEquals tenant_id webhook_id';
const digests = 'kms:MessageType StringEquals DIGEST, kms:SigningAlgorithm StringEquals RSASSA_PKCS1_V1_5_SHA_256';

// What else may be done with an agent's key is said by the key itself.
const issue = [
  'dynamodb:GetItem on <registry>, keys in CA#issuing*',
  'dynamodb:UpdateItem on <registry>, keys in AGENT#*',
  `kms:CreateKey on *, ${agentTags}, ${noOtherTags}, kms:KeyOrigin StringEquals AWS_KMS, kms:KeySpec StringEquals RSA_2048, kms:KeyUsage StringEquals SIGN_VERIFY, kms:MultiRegion Bool false`,
  `kms:Sign on <issuing key>, ${digests}`,
  `kms:TagResource on *, ${agentTags}, aws:ResourceTag/kakunin:deployment StringEqualsIfExists kakunin, aws:ResourceTag/kakunin:role StringEqualsIfExists agent, ${noOtherTags}`,
];

const readStream = (table: 'registry' | 'risk') => [`dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on <${table} stream>`, `dynamodb:ListStreams on <${table}>/stream/*`];
const receive = (queue: string) => `sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on <queue ${queue}>`;
const setAside = ['s3:ListBucket on <dead letters>', 's3:PutObject on <dead letters>/*'];
const publishCrls = [
  'dynamodb:Query on <registry>, keys in REVOKED#*',
  'dynamodb:UpdateItem on <registry>, keys in CRL#*',
  `kms:Sign on <issuing key>, ${digests}`,
  's3:GetObject s3:PutObject on <files>/crl/*',
  's3:ListBucket on <files>',
];
const noteExpiries = [
  inTransaction('UpdateItem', 'CERT#*'),
  inTransaction('PutItem', 'AUDIT#*', 'OUTBOX#*'),
  'dynamodb:DeleteItem dynamodb:Query on <registry>, keys in EXPIRY#*',
];
const anyKey = 'arn:aws:kms:eu-west-1:<AWS::AccountId>:key/*';
const answerOcsp = ['dynamodb:GetItem on <registry>, keys in CA#issuing* CA#ocsp* CERT#*', `kms:Sign on <OCSP key>, ${digests}`];

/** Who may do what: all of it, beside every function's own logs and traces. */
const expected: Record<string, readonly string[]> = {
  'create-agent': [inTransaction('PutItem', 'AGENT#*', 'AUDIT#*'), keyed],
  'list-agents': ['dynamodb:BatchGetItem dynamodb:GetItem on <registry>, keys in AGENT#*', 'dynamodb:Query on <registry>/index/by-tenant'],
  'get-agent': [
    'dynamodb:BatchGetItem on <registry>, keys in CERT#*',
    'dynamodb:GetItem on <registry>, keys in AGENT#*',
    'dynamodb:Query on <registry>/index/by-agent',
  ],
  'update-agent': [readAgent, ...revoke, keyed],
  'retire-agent': [readAgent, ...revoke, keyed],
  'halt-agent': [readAgent, ...revoke, keyed, 'dynamodb:GetItem on <registry>, keys in CA#attestation', `kms:Sign on <attestation key>, ${digests}`],
  'certify-agent': [...issue, keyed, readCertificate, inTransaction('PutItem', 'AUDIT#*', 'CERT#*', 'EXPIRY#*')],
  'renew-certificate': [...issue, keyed, readCertificate, inTransaction('UpdateItem', 'CERT#*'), inTransaction('PutItem', 'AUDIT#*', 'CERT#*', 'EXPIRY#*', 'OUTBOX#*', 'REVOKED#*')],
  // Each agent's key says itself that this function may sign with it.
  'sign-message': [
    keyed,
    inTransaction('ConditionCheckItem', 'CERT#*'),
    inTransaction('PutItem', 'AUDIT#*'),
    'dynamodb:GetItem on <registry>, keys in AGENT#* CA#issuing* CERT#*',
  ],
  'list-certificates': [
    'dynamodb:BatchGetItem on <registry>, keys in CERT#*',
    'dynamodb:Query on <registry>/index/by-agent',
    'dynamodb:Query on <registry>/index/by-tenant',
  ],
  'get-certificate': ['dynamodb:GetItem on <registry>, keys in CERT#*'],
  'revoke-certificate': [readCertificate, ...revoke, keyed],
  'verify-certificate': ['dynamodb:GetItem on <registry>, keys in CA#issuing* CERT#*'],
  'verify-message': ['dynamodb:GetItem on <registry>, keys in CA#issuing* CERT#*'],
  'get-authority': ['dynamodb:GetItem on <registry>, keys in CA#*'],
  'get-openapi': [],
  'get-health': ['dynamodb:GetItem on <registry>, keys in CA#issuing*'],
  'ingest-event': ['dynamodb:GetItem on <registry>, keys in AGENT#* CERT#*', 'dynamodb:GetItem dynamodb:PutItem on <risk>', keyed],
  'record-risk-score': ['dynamodb:GetItem on <registry>, keys in AGENT#*', 'dynamodb:PutItem on <risk>', keyed],
  'list-events': ['dynamodb:BatchGetItem dynamodb:Query on <risk>', 'dynamodb:GetItem on <registry>, keys in AGENT#*', 'dynamodb:Query on <risk>/index/by-tenant'],
  'get-agent-risk': ['dynamodb:GetItem on <registry>, keys in AGENT#*', 'dynamodb:PutItem dynamodb:Query on <risk>'],
  'list-audit-entries': ['dynamodb:BatchGetItem dynamodb:Query on <registry>, keys in AUDIT#*', 'dynamodb:Query on <registry>/index/by-agent'],
  'create-webhook': [keyed, inTransaction('PutItem', 'AUDIT#*', 'WEBHOOK#*'), inTransaction('UpdateItem', 'WEBHOOKS#*'), `kms:Decrypt kms:Encrypt on <webhook key>, ${oneWebhook}`],
  'list-webhooks': ['dynamodb:Query on <registry>, keys in WEBHOOK#*'],
  'get-webhook': ['dynamodb:GetItem on <registry>, keys in WEBHOOK#*'],
  'update-webhook': [
    keyed, 'dynamodb:GetItem on <registry>, keys in WEBHOOK#*', inTransaction('PutItem', 'AUDIT#*', 'WEBHOOK#*'), `kms:Decrypt kms:Encrypt on <webhook key>, ${oneWebhook}`,
  ],
  'delete-webhook': [
    keyed, 'dynamodb:GetItem on <registry>, keys in WEBHOOK#*',
    inTransaction('DeleteItem', 'WEBHOOK#*'), inTransaction('UpdateItem', 'WEBHOOKS#*'), inTransaction('PutItem', 'AUDIT#*'),
  ],
  'list-webhook-deliveries': ['dynamodb:GetItem on <registry>, keys in WEBHOOK#*', 'dynamodb:Query on <registry>, keys in DELIVERY#*'],
  'authorize': ['dynamodb:GetItem on <registry>, keys in KEY#*'],
  'auto-revoke': [...readAndRevoke, inTransaction('PutItem', 'ALERT#*', 'AUDIT#*'), ...readStream('risk'), ...setAside],
  'publish-crls': [...publishCrls, 'dynamodb:GetItem on <registry>, keys in CA#issuing*', 'dynamodb:BatchWriteItem on <registry>, keys in EFFECT#*', ...readStream('registry'), ...setAside],
  // Each agent's key says itself that this function may schedule its deletion.
  'retire-keys': ['dynamodb:GetItem dynamodb:UpdateItem on <registry>, keys in EFFECT#*', receive('retire-keys')],
  'relay-changes': [
    'dynamodb:BatchGetItem on <registry>, keys in CHAINED#*',
    'dynamodb:GetItem on <registry>, keys in CHAIN#*',
    inTransaction('PutItem', 'CHAIN#*', 'CHAINED#*'), 'dynamodb:Query on <registry>, keys in WEBHOOK#*',
    'sqs:SendMessage on <queue retire-keys>', 'sqs:SendMessage on <queue deliver-webhook>', 'events:PutEvents on <event bus>', ...readStream('registry'), ...setAside,
  ],
  'deliver-webhook': [
    'dynamodb:GetItem on <registry>, keys in WEBHOOK#*', 'dynamodb:UpdateItem on <registry>, keys in DELIVERY#*', `kms:Decrypt on <webhook key>, ${oneWebhook}`,
    'sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage sqs:SendMessage on <queue deliver-webhook>', 'sqs:SendMessage on <queue exhausted-deliveries>',
  ],
  'refresh-crls': [...publishCrls, 'dynamodb:GetItem on <registry>, keys in CA#issuing*'],
  'expire-certificates': noteExpiries,
  // It learns of keys what they are, and hands them over: it can delete none.
  'reconcile': [
    ...readAndRevoke, ...noteExpiries,
    inTransaction('PutItem', 'ALERT#*', 'AUDIT#*'),
    'dynamodb:Query on <registry>, keys in EFFECT#*',
    'dynamodb:GetItem dynamodb:PutItem on <registry>, keys in RECONCILER#*',
    'dynamodb:Query on <risk>',
    // In one statement with the traces, by the CDK's doing.
    `kms:ListKeys ${tracing}`,
    `kms:ListResourceTags on ${anyKey}`,
    `kms:DescribeKey on ${anyKey}, aws:ResourceTag/kakunin:deployment StringEquals kakunin, aws:ResourceTag/kakunin:role StringEquals agent`,
    'sqs:SendMessage on <queue retire-keys>',
  ],
  'export-audit-trail': [
    'dynamodb:BatchGetItem on <registry>, keys in AUDIT#*',
    'dynamodb:GetItem dynamodb:Query on <registry>, keys in CHAIN#*',
    'dynamodb:GetItem dynamodb:UpdateItem on <registry>, keys in EXPORT#*',
    'dynamodb:GetItem on <registry>, keys in CA#attestation',
    'dynamodb:Query on <registry>/index/by-tenant',
    `kms:Sign on <attestation key>, ${digests}`,
    's3:GetObject s3:PutObject on <audit archive>/audit/*',
  ],
  'get-crl': ['s3:GetObject on <files>/crl/*complete.*', 's3:ListBucket on <files>'],
  'post-ocsp': answerOcsp,
  'get-ocsp': answerOcsp,
  'mint-authority': [
    ...publishCrls,
    'dynamodb:GetItem dynamodb:PutItem on <registry>, keys in CA#*',
    'dynamodb:Query on <registry>, keys in EXPIRY#*',
    'kms:GetPublicKey on <attestation key>',
    'kms:GetPublicKey on <issuing key>',
    'kms:GetPublicKey on <OCSP key>',
    'kms:GetPublicKey on <root key>',
    `kms:Sign on <root key>, ${digests}`,
    's3:GetObject s3:PutObject on <files>/ca/*',
  ],
  'framework': ['lambda:GetFunction on <mint-authority>', 'lambda:InvokeFunction on <mint-authority>', 'lambda:InvokeFunction on <mint-authority>:*'],
};

describe('what each function may do', () => {
  test.each(Object.entries(expected))('%s', (name, permissions) => {
    expect(lines(statementsOf(name), render).filter((line) => !everywhere.has(line))).toEqual([...permissions].sort());
  });

  test('the table above names every function', () => {
    expect([...functions.keys()].sort()).toEqual(Object.keys(expected).sort());
    expect(Object.keys(expected).sort()).toEqual([...handlerNames, 'framework'].sort());
  });

  test('every function has a role of its own, without managed policies, that only Lambda can assume', () => {
    const roles = [...functions.values()].map(({ roleId }) => roleId);
    expect(new Set(roles).size).toBe(roles.length);
    for (const roleId of roles) {
      const { ManagedPolicyArns, AssumeRolePolicyDocument } = stack.template.Resources[roleId]?.Properties ?? {};
      expect(ManagedPolicyArns).toBeUndefined();
      expect(AssumeRolePolicyDocument.Statement).toEqual([{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } }]);
    }
  });
});

describe('what nobody may do', () => {
  const all: (Statement & { readonly of: string })[] = [...ofType('AWS::IAM::Role').map(([id]) => id)]
    .flatMap((id) => stack.policiesOfRole(id).map((statement) => ({ ...statement, of: id })));
  const actions = all.flatMap(({ Action }) => list(Action));

  test('no action is a wildcard', () => {
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  test('no key can be deleted, disabled, handed on or given another policy', () => {
    expect([...new Set(actions.filter((action) => action.startsWith('kms:')))].sort()).toEqual([
      'kms:CreateKey', 'kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GetPublicKey', 'kms:ListKeys', 'kms:ListResourceTags', 'kms:Sign', 'kms:TagResource',
    ]);
  });

  test('no table can be scanned or changed', () => {
    expect([...new Set(actions.filter((action) => action.startsWith('dynamodb:')))].sort()).toEqual([
      'dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem', 'dynamodb:ConditionCheckItem', 'dynamodb:DeleteItem', 'dynamodb:DescribeStream', 'dynamodb:GetItem', 'dynamodb:GetRecords',
      'dynamodb:GetShardIterator', 'dynamodb:ListStreams', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem',
    ]);
  });

  test('only expire-certificates, reconcile and delete-webhook delete items: expiries, and what else their transactions touch in a transaction only', () => {
    const deleting = (name: string) => statementsOf(name).filter(({ Action }) => list(Action).includes('dynamodb:DeleteItem'));
    expect(handlerNames.filter((name) => deleting(name).length > 0)).toEqual(['delete-webhook', 'expire-certificates', 'reconcile']);
    const elsewhere = ['delete-webhook', 'expire-certificates', 'reconcile'].flatMap(deleting).filter(({ Condition }) => Condition?.['ForAnyValue:StringEquals']?.['dynamodb:EnclosingOperation'] === undefined);
    expect(elsewhere.map(({ Condition }) => list(Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] as string))).toEqual([['EXPIRY#*'], ['EXPIRY#*']]);
  });

  test('no object can be deleted, and what is published is written by those who publish', () => {
    expect([...new Set(actions.filter((action) => action.startsWith('s3:')))].sort()).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject']);
    const writers = handlerNames.filter((name) => lines(statementsOf(name), render).some((line) => /s3:PutObject on <files>/.test(line)));
    expect(writers.sort()).toEqual(['mint-authority', 'publish-crls', 'refresh-crls']);
  });

  test.each([...functions.keys()])('of %s every resource is named, or it is said beside it why it cannot be', (name) => {
    const open = statementsOf(name).filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action, Resource }) => list(Resource).map(nameOf).filter((resource) => resource.includes('*')).flatMap((resource) => list(Action).map((action) => `${action} on ${resource}`)));
    const justified = wildcards(name).flatMap(({ actions: named, resource, reason }) => (reason.length > 20 ? named.map((action) => `${action} on ${resource}`) : []));
    expect([...new Set(open)].sort()).toEqual([...new Set(justified)].sort());
  });

  test('nothing is open to all resources but what knows none', () => {
    const open = all.filter(({ Effect, Resource }) => Effect === 'Allow' && list(Resource).some((resource) => resource === '*')).flatMap(({ Action }) => list(Action));
    expect([...new Set(open)].sort()).toEqual(['kms:CreateKey', 'kms:ListKeys', 'kms:TagResource', 'xray:PutTelemetryRecords', 'xray:PutTraceSegments']);
  });

  test('only the authorizer can read what API keys are stored under', () => {
    const readers = handlerNames.filter((name) => lines(statementsOf(name), render).some((line) => line.includes('KEY#*')));
    expect(readers).toEqual(['authorize']);
  });

  test('items of the registry are only reached by kind', () => {
    const unconditional = all.filter(({ Action, Resource, Condition }) =>
      list(Action).some((action) => /Item$/.test(action)) && list(Resource).some((resource) => render(resource) === '<registry>') && Condition === undefined);
    expect(unconditional).toEqual([]);
  });
});

test('docs/permissions.md says so too: npm run permissions', () => {
  expect(readFileSync(new URL('docs/permissions.md', root), 'utf8')).toBe(permissionTable(stack));
});
