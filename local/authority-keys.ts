import { CreateKeyCommand, DescribeKeyCommand, KMSClient, ListResourceTagsCommand, paginateListKeys, type KeySpec } from '@aws-sdk/client-kms';
import { localCredentials, region } from './account.ts';

/** The service's own keys, which CloudFormation makes in the deployed stack (lib/authority-keys.ts, lib/webhook-key.ts): spec and role. */
const authorityKeys = {
  rootKeyArn: { keySpec: 'RSA_4096', role: 'ca-root' },
  ocspKeyArn: { keySpec: 'RSA_2048', role: 'ca-ocsp' },
  attestationKeyArn: { keySpec: 'RSA_2048', role: 'ca-attestation' },
  webhookKeyArn: { keySpec: 'SYMMETRIC_DEFAULT', role: 'webhooks' },
} as const satisfies Record<string, { keySpec: KeySpec; role: string }>;

/** An issuing CA's, by its generation. */
const issuingKey = (generation: number) => ({ keySpec: 'RSA_3072', role: generation === 1 ? 'ca-issuing' : `ca-issuing-${generation}` }) as const;

const roleTag = 'kakunin:role';

export interface AuthorityKeyArns extends Readonly<Record<keyof typeof authorityKeys, string>> {
  /** In the order of the generations. */
  readonly issuingKeyArns: readonly string[];
}

/** The ARNs of the service's own keys in the KMS, found by their tags, or made where there are none yet. */
export async function ensureAuthorityKeys(endpoint: string, issuingGenerations: readonly number[]): Promise<AuthorityKeyArns> {
  const client = new KMSClient({ endpoint, region, credentials: localCredentials });
  try {
    const found = await findByRole(client);
    const ensure = async ({ keySpec, role }: { keySpec: KeySpec; role: string }) => found.get(role) ?? (await createKey(client, keySpec, role));
    const arns = Object.entries(authorityKeys).map(async ([name, key]) => [name, await ensure(key)] as const);
    const issuingKeyArns = await Promise.all(issuingGenerations.map((generation) => ensure(issuingKey(generation))));
    return { ...(Object.fromEntries(await Promise.all(arns)) as Record<keyof typeof authorityKeys, string>), issuingKeyArns };
  } finally {
    client.destroy();
  }
}

/** Enabled keys by role. Agents' keys may be many, so their tags are read a page at a time. */
async function findByRole(client: KMSClient): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { Keys = [] } of paginateListKeys({ client, pageSize: 100 }, {})) {
    await Promise.all(
      Keys.map(async ({ KeyId }) => {
        const { Tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId }));
        const role = Tags.find(({ TagKey }) => TagKey === roleTag)?.TagValue;
        if (role === undefined) return;
        const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
        if (KeyMetadata?.Arn !== undefined && KeyMetadata.KeyState === 'Enabled') found.set(role, KeyMetadata.Arn);
      }),
    );
  }
  return found;
}

async function createKey(client: KMSClient, keySpec: KeySpec, role: string): Promise<string> {
  const KeyUsage = keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY';
  const { KeyMetadata } = await client.send(
    new CreateKeyCommand({ KeySpec: keySpec, KeyUsage, Description: `Kakunin ${role}`, Tags: [{ TagKey: roleTag, TagValue: role }] }),
  );
  if (KeyMetadata?.Arn === undefined) throw new Error(`The KMS made a ${keySpec} key and did not say which.`);
  return KeyMetadata.Arn;
}
