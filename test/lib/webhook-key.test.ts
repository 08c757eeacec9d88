import { describe, expect, test } from '@jest/globals';
import { lines, list, synthesize, type Statement } from './synthesized.ts';

const { functions, key, render } = synthesize();
const { Properties, DeletionPolicy, UpdateReplacePolicy } = key('webhooks');
const policy = Properties['KeyPolicy'].Statement as Statement[];

test('it encrypts, is rotated by KMS, tagged, and outlives its stack', () => {
  expect(Properties).toMatchObject({ KeySpec: 'SYMMETRIC_DEFAULT', EnableKeyRotation: true });
  expect(Properties['KeyUsage'] ?? 'ENCRYPT_DECRYPT').toBe('ENCRYPT_DECRYPT');
  expect(Properties['Tags']).toEqual(expect.arrayContaining([{ Key: 'kakunin:role', Value: 'webhooks' }, { Key: 'kakunin:deployment', Value: 'kakunin' }]));
  expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
});

const forOneWebhook = 'kms:EncryptionContext:tenant_id Null false, kms:EncryptionContext:webhook_id Null false, kms:EncryptionContextKeys ForAllValues:StringEquals tenant_id webhook_id';

test('it works for those who handle secrets and for nobody else, each time for one webhook that they name, whatever IAM says', () => {
  expect(lines(policy.filter(({ Action }) => list(Action).some((action) => action.endsWith('crypt'))), render)).toEqual(
    [['create-webhook', 'kms:Decrypt kms:Encrypt'], ['update-webhook', 'kms:Decrypt kms:Encrypt'], ['deliver-webhook', 'kms:Decrypt']]
      .map(([name, actions]) => `${actions} on *, aws:PrincipalArn ArnEquals <role of ${name}>, ${forOneWebhook}`));
});

test('the account manages it and lets KMS rotate it, but can neither use, hand on nor delete it', () => {
  const [administration, ...others] = policy.filter(({ Action }) => !list(Action).some((action) => action.endsWith('crypt')));
  expect(lines(others, render)).toEqual(['DENY kms:CreateGrant kms:ScheduleKeyDeletion on *']);
  const actions = list(administration?.Action ?? []);
  expect(actions).toEqual(expect.arrayContaining(['kms:PutKeyPolicy', 'kms:EnableKeyRotation', 'kms:DisableKeyRotation']));
  expect(actions.filter((action) => /\*|crypt|DataKey|CreateGrant|ScheduleKeyDeletion|ReplicateKey|ImportKeyMaterial/.test(action))).toEqual([]);
  expect(new Set(policy.filter(({ Effect }) => Effect === 'Allow').map(({ Principal }) => JSON.stringify(Principal))).size).toBe(1);
  expect(JSON.stringify(administration?.Principal)).toContain(':root');
});

describe('where webhooks may lead to, and whose certificates count there', () => {
  test.each([...functions.keys()])('is the public Internet’s matter alone for %s', (name) => {
    const variables = Object.keys(functions.get(name)?.Properties['Environment']?.Variables ?? {});
    expect(variables.filter((variable) => ['WEBHOOK_ALLOWED_NETWORKS', 'WEBHOOK_CA_FILE'].includes(variable))).toEqual([]);
  });
});
