import { Lazy, RemovalPolicy, Tags } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/*
 * What the account's administrators may do with a key of the service's own. Three things are missing on purpose:
 *   kms:Sign, kms:Decrypt    the one who does it must be named in the key's policy, whatever IAM says;
 *   kms:CreateGrant          which would be a way around that;
 *   kms:ScheduleKeyDeletion  losing the key loses whatever depends on it, such as every certificate under a CA's, so it
 *                            takes a change of this policy first.
 * kms:PutKeyPolicy has to be here: KMS refuses a policy that its creator could not change again (the lockout safety
 * check), and a key that nobody administers could only be recovered by AWS Support. Changing it shows in CloudTrail.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
 */
const administration = [
  'kms:DescribeKey', 'kms:GetPublicKey', 'kms:GetKeyPolicy', 'kms:ListKeyPolicies', 'kms:GetKeyRotationStatus',
  'kms:ListGrants', 'kms:ListResourceTags', 'kms:PutKeyPolicy', 'kms:RevokeGrant', 'kms:TagResource', 'kms:UntagResource',
  'kms:UpdateKeyDescription', 'kms:EnableKey', 'kms:DisableKey', 'kms:CancelKeyDeletion',
];

/** The statement with which the policy of such a key begins, with what else there is to administer of it. */
export function administeredByAccount(sid: string, more: readonly string[] = []): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid, principals: [new iam.AccountRootPrincipal()], actions: [...administration, ...more], resources: ['*'] });
}

/**
 * What nobody may do with such a key, whatever else says so: statements that allow it do not outweigh this one. A grant would
 * be a way around the key's policy, and a key whose deletion is scheduled is of no use from then on.
 */
export function neitherHandedOnNorDeleted(): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid: 'NobodyHandsOnOrDeletes', effect: iam.Effect.DENY, principals: [new iam.StarPrincipal()], actions: ['kms:CreateGrant', 'kms:ScheduleKeyDeletion'], resources: ['*'] });
}

// Digests only, and only by the algorithm of the certificate profile.
const signature = {
  StringEquals: { 'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_256', 'kms:MessageType': 'DIGEST' },
};

interface AuthorityKeyProps {
  readonly keySpec: kms.KeySpec;
  readonly role: 'ca-root' | 'ca-issuing' | `ca-issuing-${number}` | 'ca-ocsp' | 'ca-attestation';
  readonly deployment: string;
}

/** A key that signs in the authority's name. It outlives its stack, and signs for nobody until `allowSigning` names a signer. */
export class AuthorityKey extends kms.Key {
  private readonly signers: string[] = [];

  constructor(scope: Construct, id: string, { keySpec, role, deployment }: AuthorityKeyProps) {
    super(scope, id, {
      keySpec,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      description: `Kakunin ${deployment} ${role}`,
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new iam.PolicyDocument({ statements: [administeredByAccount('AccountAdministersButDoesNotSign'), neitherHandedOnNorDeleted()] }),
    });
    Tags.of(this).add('kakunin:deployment', deployment);
    Tags.of(this).add('kakunin:role', role);
    // Twice said, for a statement that allows more is added in a moment: it would take the removal of this one as well.
    this.addToResourcePolicy(new iam.PolicyStatement({
      sid: 'NobodyElseSigns',
      effect: iam.Effect.DENY,
      principals: [new iam.StarPrincipal()],
      actions: ['kms:Sign'],
      resources: ['*'],
      conditions: { ArnNotEquals: { 'aws:PrincipalArn': Lazy.list({ produce: () => this.signers }) } },
    }));
  }

  /**
   * Lets `signer` sign digests with this key. It takes both locks: its own IAM policy and this key's policy. The latter
   * names it by a condition rather than as the principal, because KMS refuses a principal that IAM created only just now.
   * https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#KMS-CreateKey-request-Policy
   */
  allowSigning(signer: iam.IRole): void {
    signer.addToPrincipalPolicy(this.signing());
    this.admitSigning(signer);
  }

  /**
   * Lets it issue with this key, by a policy of its own. CloudFormation removes a policy that is no longer in the template
   * only when everything else is updated: where another key issues from now on, functions know of that before they lose this one.
   * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
   */
  allowIssuing(issuer: iam.Role): void {
    new iam.Policy(issuer, `Issue-${this.node.id}`, { statements: [this.signing()], roles: [issuer] });
  }

  private signing(): iam.PolicyStatement {
    return new iam.PolicyStatement({ actions: ['kms:Sign'], resources: [this.keyArn], conditions: signature });
  }

  /** The key's own lock alone: it opens nothing to a signer whose own policy does not say the same. */
  admitSigning(signer: iam.IRole): void {
    this.signers.push(signer.roleArn);
    this.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.AccountRootPrincipal()],
      actions: ['kms:Sign'],
      resources: ['*'],
      conditions: { ...signature, ArnEquals: { 'aws:PrincipalArn': signer.roleArn } },
    }));
  }

  /** Lets `reader` read the public key. */
  allowReadingPublicKey(reader: iam.IRole): void {
    reader.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['kms:GetPublicKey'], resources: [this.keyArn] }));
  }
}

export interface IssuingKey {
  readonly generation: number;
  readonly key: AuthorityKey;
}

/** The keys of the root and the issuing CAs, of the OCSP responder and of the attestation authority (docs/certificate-profile.md). */
export class AuthorityKeys extends Construct {
  readonly root: AuthorityKey;
  /** By generation, the one that issues first. */
  readonly issuing: readonly [IssuingKey, ...IssuingKey[]];
  readonly ocsp: AuthorityKey;
  readonly attestation: AuthorityKey;

  constructor(scope: Construct, id: string, { deployment, issuingGenerations }: Pick<Settings, 'deployment' | 'issuingGenerations'>) {
    super(scope, id);
    const [issues, ...serve] = issuingGenerations;
    this.root = new AuthorityKey(this, 'Root', { keySpec: kms.KeySpec.RSA_4096, role: 'ca-root', deployment });
    this.issuing = [this.issuingKey(issues, deployment), ...serve.map((generation) => this.issuingKey(generation, deployment))];
    this.ocsp = new AuthorityKey(this, 'Ocsp', { keySpec: kms.KeySpec.RSA_2048, role: 'ca-ocsp', deployment });
    this.attestation = new AuthorityKey(this, 'Attestation', { keySpec: kms.KeySpec.RSA_2048, role: 'ca-attestation', deployment });
  }

  /** Whatever becomes of the setting, a generation's key keeps its name in the stack: under another it would be another key. */
  private issuingKey(generation: number, deployment: string): IssuingKey {
    const [id, role] = generation === 1 ? ['Issuing', 'ca-issuing'] as const : [`Issuing${generation}`, `ca-issuing-${generation}`] as const;
    return { generation, key: new AuthorityKey(this, id, { keySpec: kms.KeySpec.RSA_3072, role, deployment }) };
  }
}
