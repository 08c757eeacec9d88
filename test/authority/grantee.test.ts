import { describe, expect, test } from '@jest/globals';
import { checkGrantee } from '../../lambdas/authority/grantee.ts';

const account = '123456789012';
const role = `arn:aws:iam::${account}:role/agents/trader`;
const refusing = (arn: string, accounts: readonly string[]) => expect(() => checkGrantee(arn, accounts));

describe('checkGrantee', () => {
  test.each([role, `arn:aws-cn:iam::${account}:role/trader`, `arn:aws-us-gov:iam::${account}:role/trader`])('lets %s pass, a role of an account that is allowed', (arn) => {
    expect(() => checkGrantee(arn, ['000000000001', account])).not.toThrow();
  });

  test('refuses everybody where no account is allowed, and says so', () => {
    for (const arn of [role, 'nonsense', '*']) refusing(arn, []).toThrow(expect.objectContaining({ code: 'GRANTEE_NOT_ALLOWED', message: expect.stringContaining('lets nobody sign') }));
  });

  test('says whether it is the ARN or the account', () => {
    refusing('arn:aws:iam::123456789012:user/x', [account]).toThrow('must be one IAM role');
    refusing(role, ['000000000001']).toThrow('account is not among those');
  });

  test('is not slow, whatever is sent', () => {
    const startedAt = performance.now();
    for (const arn of [`arn:aws:iam::${account}:role/${'a/'.repeat(50_000)}*`, `arn:aws:iam::${account}:role/${'a'.repeat(100_000)}`]) refusing(arn, [account]).toThrow('must be one IAM role');
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
