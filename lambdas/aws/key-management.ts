import {
  CreateKeyCommand, GetPublicKeyCommand, KMSInvalidStateException, NotFoundException, ScheduleKeyDeletionCommand, SignCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { KeyManagement } from '../authority/ports.ts';
import { callingKms } from './failures.ts';
import { retrying } from './retry.ts';

export interface KeyManagementOptions {
  /** The deployment's name; every key carries it as a tag, so that several may share an account. */
  readonly deployment: string;
  /** The role that creates agent keys, and the account it is in; without them a new key gets KMS's default policy. */
  readonly creator?: { readonly roleArn: string; readonly accountId: string };
  /** How long a key can still be saved after its deletion was scheduled: 7 to 30 days. */
  readonly pendingWindowInDays?: number;
}

/** Keys in AWS KMS. Private keys are born there and stay there: no operation used here could return one. */
export function keyManagement(client: KMSClient, { deployment, creator, pendingWindowInDays = 30 }: KeyManagementOptions): KeyManagement {
  return {
    createAgentKey: (owner) =>
      callingKms(async () => {
        const { KeyMetadata } = await client.send(new CreateKeyCommand({
          KeySpec: 'RSA_2048',
          KeyUsage: 'SIGN_VERIFY',
          MultiRegion: false,
          Description: `Kakunin agent ${owner.agentId}`,
          ...(creator !== undefined && { Policy: JSON.stringify(agentKeyPolicy(creator)), BypassPolicyLockoutSafetyCheck: true }),
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

    scheduleKeyDeletion: (keyArn) =>
      callingKms(async () => {
        const limit = within(5);
        try {
          await retrying(() => client.send(new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: pendingWindowInDays }), limit), isNotFound, { attempts: 4, baseDelayMilliseconds: 50 });
        } catch (error) {
          // Pending deletion already: an earlier attempt got through.
          if (!(error instanceof KMSInvalidStateException)) throw error;
        }
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
 * The policy an agent's key is born with: the account's own IAM decides, as by default, and the creating role may read
 * the public key and schedule the deletion of this one key. A principal named here counts at once, while a tag may take
 * five minutes to count, and no IAM policy has to allow deleting keys in general.
 *
 * The lockout check would ask that the creator may change this policy later, and so, for every agent's key, let itself
 * sign. It may not; the account can, so nobody is locked out.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
function agentKeyPolicy({ roleArn, accountId }: { roleArn: string; accountId: string }) {
  const partition = roleArn.split(':')[1] ?? 'aws';
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'AccountDecides', Effect: 'Allow', Principal: { AWS: `arn:${partition}:iam::${accountId}:root` }, Action: 'kms:*', Resource: '*' },
      { Sid: 'CreatorReadsAndUndoes', Effect: 'Allow', Principal: { AWS: roleArn }, Action: ['kms:GetPublicKey', 'kms:ScheduleKeyDeletion'], Resource: '*' },
    ],
  };
}

// KMS is eventually consistent: a key may be unknown or "Creating" for a moment after CreateKey, and the SDK retries neither.
// https://docs.aws.amazon.com/kms/latest/developerguide/programming-eventual-consistency.html
function isNotYetVisible(error: unknown): boolean {
  return isNotFound(error) || error instanceof KMSInvalidStateException;
}

function isNotFound(error: unknown): boolean {
  return error instanceof NotFoundException;
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('KMS answered without what was asked for.');
  return value;
}
