import { createPrivateKey } from 'node:crypto';
import { GrantOperation } from '@aws-sdk/client-kms';
import { z } from 'zod';
import { encryptionMaterial, isSigningKey, modulusBits, signingMaterial, symmetricKeySpec, type Key, type RsaKeySpec } from './key.ts';

const timestamp = z.iso.datetime().transform((iso) => new Date(iso));

const stringMap = z.record(z.string(), z.string());

const storedGrant = z.strictObject({
  grantId: z.string(),
  name: z.string().optional(),
  granteePrincipal: z.string(),
  retiringPrincipal: z.string().optional(),
  operations: z.array(z.enum(GrantOperation)),
  constraints: z.strictObject({ EncryptionContextSubset: stringMap.optional(), EncryptionContextEquals: stringMap.optional(), SourceArn: z.string().optional() }).optional(),
  createdAt: timestamp,
  tokenSecret: z.string(),
});

const common = {
  format: z.literal(1),
  keyId: z.guid(),
  arn: z.string(),
  description: z.string(),
  policy: z.string(),
  createdAt: timestamp,
  tags: z.array(z.tuple([z.string(), z.string()])),
  // Files of before there were grants have none.
  grants: z.array(storedGrant).default([]),
  state: z.discriminatedUnion('name', [
    z.strictObject({ name: z.enum(['Enabled', 'Disabled']) }),
    z.strictObject({ name: z.literal('PendingDeletion'), deletionDate: timestamp }),
  ]),
};

const storedKey = z.discriminatedUnion('keySpec', [
  z.strictObject({ ...common, keySpec: z.enum(Object.keys(modulusBits) as RsaKeySpec[]), privateKeyPem: z.string() }),
  z.strictObject({ ...common, keySpec: z.literal(symmetricKeySpec), secretKey: z.base64() }),
]);

/** The text of a key's file: all of it, its secret included. */
export function serializeKey(key: Key): string {
  const { keyId, arn, keySpec, description, policy, createdAt, tags, grants, state } = key;
  const material = isSigningKey(key)
    ? { privateKeyPem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
    : { secretKey: key.secretKey.export().toString('base64') };
  const stored = { format: 1, keyId, arn, keySpec, description, policy, createdAt, tags: [...tags], grants: [...grants.values()], state, ...material };
  return `${JSON.stringify(stored, undefined, 2)}\n`;
}

/** The key of a file's text. Throws an Error whose message and stack quote nothing of the text. */
export function parseKey(json: string): Key {
  const stored = storedKey.safeParse(parseJson(json));
  if (!stored.success) throw new Error(z.prettifyError(stored.error).replaceAll(/\s+/g, ' '));
  const { keyId, arn, description, policy, createdAt, tags, grants, state } = stored.data;
  const material = stored.data.keySpec === symmetricKeySpec
    ? encryptionMaterial(Buffer.from(stored.data.secretKey, 'base64'))
    : signingMaterial(createPrivateKey(stored.data.privateKeyPem), stored.data.keySpec);
  return {
    keyId, arn, description, policy, createdAt, state,
    tags: new Map(tags),
    grants: new Map(grants.map((grant) => [grant.grantId, grant])),
    ...material,
  };
}

// JSON.parse quotes the text it fails on, and here that text is a private key.
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error('it is not JSON');
  }
}
