import { describe, expect, test } from '@jest/globals';
import { lines, list, synthesize, type Statement } from './synthesized.ts';

const { ofType, key, render, template } = synthesize();

describe.each([
  ['ca-root', 'RSA_4096', ['mint-authority']],
  ['ca-issuing', 'RSA_3072', ['certify-agent', 'mint-authority', 'publish-crls', 'refresh-crls', 'renew-certificate']],
  ['ca-ocsp', 'RSA_2048', ['get-ocsp', 'post-ocsp']],
  ['ca-attestation', 'RSA_2048', ['export-audit-trail', 'halt-agent']],
] as const)('the %s key', (role, keySpec, signers) => {
  const { Properties, DeletionPolicy, UpdateReplacePolicy } = key(role);
  const policy = Properties['KeyPolicy'].Statement as Statement[];

  test(`is ${keySpec}, for signatures, tagged, and outlives its stack`, () => {
    expect(Properties).toMatchObject({ KeySpec: keySpec, KeyUsage: 'SIGN_VERIFY' });
    expect(Properties['Tags']).toEqual(expect.arrayContaining([{ Key: 'kakunin:role', Value: role }, { Key: 'kakunin:deployment', Value: 'kakunin' }]));
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
  });

  test(`signs digests for ${signers.join(', ')} and nobody else, whatever IAM says`, () => {
    expect(lines(policy.filter(({ Action }) => list(Action).includes('kms:Sign')), render)).toEqual([
      `DENY kms:Sign on *, aws:PrincipalArn ArnNotEquals ${signers.map((signer) => `<role of ${signer}>`).join(' ')}`,
      ...signers.map((signer) => `kms:Sign on *, aws:PrincipalArn ArnEquals <role of ${signer}>, kms:MessageType StringEquals DIGEST, kms:SigningAlgorithm StringEquals RSASSA_PKCS1_V1_5_SHA_256`),
    ]);
  });

  test('can be managed by the account, so that nobody is locked out, but neither used, handed on nor deleted', () => {
    const [administration, ...others] = policy.filter(({ Action }) => !list(Action).includes('kms:Sign'));
    expect(lines(others, render)).toEqual(['DENY kms:CreateGrant kms:ScheduleKeyDeletion on *']);
    const actions = list(administration?.Action ?? []);
    expect(actions).toContain('kms:PutKeyPolicy');
    expect(actions.filter((action) => /\*|Sign|CreateGrant|ScheduleKeyDeletion|ReplicateKey|ImportKeyMaterial|DeriveSharedSecret|crypt/.test(action))).toEqual([]);
    expect(JSON.stringify(administration?.Principal)).toContain(':root');
  });

  test('names no principal but the account, and everybody where it denies', () => {
    const named = (effect: Statement['Effect']) => [...new Set(policy.filter(({ Effect }) => Effect === effect).map(({ Principal }) => JSON.stringify(Principal)))];
    expect(named('Allow')).toEqual([expect.stringContaining(':root')]);
    expect(named('Deny')).toEqual(['"*"']);
  });
});

test('there are no other keys but that of webhooks', () => {
  expect(ofType('AWS::KMS::Key').map(([, { Properties }]) => Properties['KeySpec']).sort()).toEqual(['RSA_2048', 'RSA_2048', 'RSA_3072', 'RSA_4096', 'SYMMETRIC_DEFAULT']);
  expect(ofType('AWS::KMS::Alias')).toHaveLength(0);
});

describe('minting', () => {
  const [[id, resource] = ['', undefined]] = ofType('Custom::KakuninCertificateAuthority');

  test('is asked by what certificates depend on, and not again by a deployment that changes something else', () => {
    const { ServiceToken: _, ...properties } = resource?.Properties ?? {};
    expect(Object.entries(properties).map(([name, value]) => `${name} ${typeof value === 'number' ? value : render(value)}`).sort()).toEqual([
      'AttestationKeyId <attestation key>', 'CrlShards 16', 'DistributionUrl http://<distribution>', 'IssuingGenerations 1', 'IssuingKeyIds <issuing key>', 'OcspKeyId <OCSP key>', 'RootKeyId <root key>',
    ]);
    expect(synthesize({ riskThreshold: 0.5, organization: 'Another', keyDeletionDays: 7 }).template.Resources[id]?.Properties).toEqual(resource?.Properties);
  });

  test('is asked again where there are to be more shards, each of which needs a CRL', () => {
    expect(synthesize({ crlShards: 32 }).template.Resources[id]?.Properties['CrlShards']).toBe(32);
  });

  test('leaves the certificates where they are when the stack goes', () => {
    expect(resource?.DeletionPolicy).toBe('Retain');
  });

  test('is done before the API is reachable', () => {
    const [[, stage] = ['', undefined]] = ofType('AWS::ApiGateway::Stage');
    expect(stage?.DependsOn).toContain(id);
  });
});

describe('a second generation of the issuing CA', () => {
  const [prepared, switched, retired] = [[1, 2], [2, 1], [2]].map((issuingGenerations) => synthesize({ issuingGenerations }));
  const signers = (stack: typeof prepared, keyName: string) => (stack === undefined ? [] : [...stack.functions.keys()].filter((name) =>
    lines(stack.statementsOf(name), stack.render).some((line) => line.startsWith(`kms:Sign on <${keyName}>,`))).sort());
  const serving = ['mint-authority', 'publish-crls', 'refresh-crls'];
  const issuing = ['certify-agent', ...serving, 'renew-certificate'].sort();

  test('has a key of its own, and leaves the first one what it is', () => {
    expect(prepared?.ofType('AWS::KMS::Key')).toHaveLength(ofType('AWS::KMS::Key').length + 1);
    expect(prepared?.key('ca-issuing-2')).toMatchObject({ DeletionPolicy: 'Retain', Properties: { KeySpec: 'RSA_3072', KeyUsage: 'SIGN_VERIFY' } });
    for (const stack of [prepared, switched]) expect(stack?.resources.find(([, resource]) => resource === stack.key('ca-issuing'))?.[0]).toBe(ofType('AWS::KMS::Key').find(([, resource]) => resource === key('ca-issuing'))?.[0]);
  });

  test('is issued from by certify and renew once it comes first, and the other is not', () => {
    expect([signers(prepared, 'issuing key'), signers(prepared, 'issuing key 2')]).toEqual([issuing, serving]);
    expect([signers(switched, 'issuing key'), signers(switched, 'issuing key 2')]).toEqual([serving, issuing]);
    expect([signers(retired, 'issuing key'), signers(retired, 'issuing key 2')]).toEqual([[], issuing]);
  });

  test('takes over without a gap: functions know of it when it is minted and may be used, and only then does the other end', () => {
    const [[mintingId] = ['']] = switched?.ofType('Custom::KakuninCertificateAuthority') ?? [];
    for (const name of ['certify-agent', 'renew-certificate']) {
      const { DependsOn = [], Properties: { Environment } = { Environment: {} } } = switched?.functions.get(name) ?? {};
      const policies = (stack: typeof prepared) => stack?.ofType('AWS::IAM::Policy').filter(([, { Properties }]) => Properties['Roles'][0].Ref === stack.functions.get(name)?.roleId).map(([id]) => id) ?? [];
      const added = policies(switched).filter((id) => !policies(prepared).includes(id));
      // A policy of its own comes before the function and goes, with the old one's, when all else is done.
      expect(added).toHaveLength(1);
      expect(policies(prepared).filter((id) => !policies(switched).includes(id))).toHaveLength(1);
      expect(DependsOn).toEqual(expect.arrayContaining([mintingId, ...added]));
      expect(Environment.Variables['ISSUING_GENERATIONS']).toBe('2,1');
      // The key's own lock stays open until then.
      expect(lines(switched?.key('ca-issuing').Properties['KeyPolicy'].Statement, switched?.render ?? String).join('\n')).toContain(`<role of ${name}>`);
    }
  });

  test('is minted by the deployment', () => {
    const [[, resource] = ['', undefined]] = prepared?.ofType('Custom::KakuninCertificateAuthority') ?? [];
    expect(resource?.Properties).toMatchObject({ IssuingGenerations: '1,2' });
    expect(prepared?.render(resource?.Properties['IssuingKeyIds'])).toBe('<issuing key><issuing key 2>');
  });
});

test('two syntheses are the same', () => {
  expect(synthesize().template).toEqual(template);
});
