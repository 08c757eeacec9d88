import { CreateKeyCommand, GetPublicKeyCommand, ScheduleKeyDeletionCommand, SignCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { KeyManagement } from '../authority/ports.ts';
import { callingKms } from './failures.ts';
import { isNotYetVisible, isPendingDeletion, isUnknownKey } from './key-states.ts';
import { retrying } from './retry.ts';

export interface KeyManagementOptions {
  /** The deployment's name; every key carries it as a tag, so that several may share an account. */
  readonly deployment: string;
  /** Who may do something with a new agent key; without it the key gets KMS's default policy. */
  readonly agentKeyRoles?: AgentKeyRoles;
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays?: number;
}

export interface AgentKeyRoles {
  readonly accountId: string;
  /** Creates agent keys. */
  readonly certifierRoleArn: string;
  /** Has them deleted when their certificates end. */
  readonly retirerRoleArn?: string | undefined;
}

/** Keys in AWS KMS. Private keys are born there and stay there: no operation used here could return one. */
export function keyManagement(client: KMSClient, { deployment, agentKeyRoles, pendingWindowInDays = 30 }: KeyManagementOptions): KeyManagement {
  return {
    ...keyUse(client),

    createAgentKey: (owner) =>
      callingKms(async () => {
        const { KeyMetadata } = await client.send(new CreateKeyCommand({
          KeySpec: 'RSA_2048',
          KeyUsage: 'SIGN_VERIFY',
          MultiRegion: false,
          Description: `Kakunin agent ${owner.agentId}`,
          ...(agentKeyRoles !== undefined && { Policy: JSON.stringify(agentKeyPolicy(agentKeyRoles)), BypassPolicyLockoutSafetyCheck: true }),
          Tags: Object.entries({
            'kakunin:deployment': deployment,
            'kakunin:role': 'agent',
            'kakunin:tenant': owner.tenantId,
            'kakunin:agent': owner.agentId,
            'kakunin:certificate': owner.certificateId,
          }).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
        }), within(20));
        return required(KeyMetadata?.Arn);
      }),

    scheduleKeyDeletion: (keyArn) =>
      callingKms(async () => {
        const limit = within(5);
        try {
          await retrying(() => client.send(new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: pendingWindowInDays }), limit), isUnknownKey, { attempts: 4, baseDelayMilliseconds: 50 });
        } catch (error) {
          // An earlier attempt got through.
          if (!isPendingDeletion(error)) throw error;
        }
      }),
  };
}

/** What a key that is there is used for, whatever made it. */
export function keyUse(client: KMSClient): Pick<KeyManagement, 'getPublicKey' | 'signDigest'> {
  return {
    getPublicKey: (keyArn) =>
      callingKms(async () => {
        const limit = within(7);
        const { PublicKey } = await retrying(() => client.send(new GetPublicKeyCommand({ KeyId: keyArn }), limit), isNotYetVisible, { attempts: 6, baseDelayMilliseconds: 50 });
        return new Uint8Array(required(PublicKey));
      }),

    signDigest: (keyArn, digestSha256) =>
      callingKms(async () => {
        const { Signature } = await client.send(new SignCommand({
          KeyId: keyArn, Message: digestSha256, MessageType: 'DIGEST', SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
        }), within(7));
        return new Uint8Array(required(Signature));
      }),
  };
}

/**
 * The longest that a call may take, its repetitions included. A request ends after 28 s whatever happens, and if KMS hangs
 * there must be time left before that to take back what was done. CreateKey gets the most of it: given up on, it may still
 * have made a key that nobody has the ARN of.
 */
const within = (seconds: number) => ({ abortSignal: AbortSignal.timeout(seconds * 1000) });

/**
 * The policy an agent's key is born with: the account's own IAM decides, as by default, the creating role may read the
 * public key and schedule the deletion of this one key, and the retiring role may do the latter. A principal named here
 * counts at once, while a tag may take five minutes to count, and no IAM policy has to allow deleting keys in general.
 *
 * The lockout check would ask that the creator may change this policy later, and so, for every agent's key, let itself
 * sign. It may not; the account can, so nobody is locked out.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
function agentKeyPolicy({ accountId, certifierRoleArn, retirerRoleArn }: AgentKeyRoles) {
  const partition = certifierRoleArn.split(':')[1] ?? 'aws';
  const allow = (Sid: string, principal: string, Action: string | string[]) => ({ Sid, Effect: 'Allow', Principal: { AWS: principal }, Action, Resource: '*' });
  return {
    Version: '2012-10-17',
    Statement: [
      allow('AccountDecides', `arn:${partition}:iam::${accountId}:root`, 'kms:*'),
      allow('CreatorReadsAndUndoes', certifierRoleArn, ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion']),
      ...(retirerRoleArn === undefined ? [] : [allow('RetirerSchedulesDeletion', retirerRoleArn, 'kms:ScheduleKeyDeletion')]),
    ],
  };
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('KMS answered without what was asked for.');
  return value;
}
