import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { AuthorityKey } from './authority-keys.ts';
import {
  accessItems, accessObjects, createAgentKeys, listBucket, queryIndex, readStream, setAside, transactItems,
  type ItemAction, type Permission, type RegistryIndex,
} from './grants.ts';
import type { HandlerName, Platform } from './platform.ts';

// Partition keys of the registry, by kind of item (lambdas/schema.ts).
const agents = 'AGENT#*';
const certificates = 'CERT#*';
const expiries = 'EXPIRY#*';
const crlEntries = 'REVOKED#*';
const outbox = 'OUTBOX#*';
const effects = 'EFFECT#*';
const crlNumbers = 'CRL#*';
const auditEntries = 'AUDIT#*';
const authorities = 'CA#*';
const issuingAuthority = 'CA#issuing';
const ocspResponder = 'CA#ocsp';
const apiKeys = 'KEY#*';

// Objects of the distribution, as lambdas/pki/distribution-urls.ts names them.
const crls = 'crl/*';
const completeCrl = 'crl/complete.*';
const authorityCertificates = 'ca/*';

/**
 * Who may do what: the one place where a function gets its rights, beside its own log group and X-Ray. Nobody scans, nobody
 * writes another kind of item than its own, only expire-certificates deletes, and only the authorizer reads API keys.
 */
function permissions({ settings, tables: { registry, risk }, keys, distribution: { bucket }, deadLetters }: Platform): Record<HandlerName, readonly Permission[]> {
  const items = (actions: readonly ItemAction[], ...kinds: string[]) => accessItems(registry, actions, kinds);
  const query = (index: RegistryIndex) => queryIndex(registry, index);
  // Certificate, agent, the CRL's entry, what is to follow, and the trail of it: one transaction.
  const revoke = items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, crlEntries, outbox, auditEntries);
  // The number before the entries, the entries, the list signed, and put in the place of the one before it.
  const publishCrls = [
    items(['UpdateItem'], crlNumbers),
    items(['Query'], crlEntries),
    sign(keys.issuing),
    accessObjects(bucket, ['GetObject', 'PutObject'], crls),
    listBucket(bucket),
  ];
  const answerOcsp = [items(['GetItem'], certificates, issuingAuthority, ocspResponder), sign(keys.ocsp)];
  return {
    'create-agent': [items(['PutItem'], agents, auditEntries)],
    'list-agents': [query('by-tenant'), items(['BatchGetItem'], agents)],
    'get-agent': [items(['GetItem'], agents), query('by-agent'), items(['BatchGetItem'], certificates)],
    'update-agent': [revoke],
    'retire-agent': [revoke],
    'certify-agent': [
      items(['GetItem', 'UpdateItem', 'PutItem'], agents, certificates, expiries, auditEntries),
      items(['GetItem'], issuingAuthority),
      createAgentKeys(settings.deployment),
      sign(keys.issuing),
    ],
    'list-certificates': [query('by-tenant'), query('by-agent'), items(['BatchGetItem'], certificates)],
    'get-certificate': [items(['GetItem'], certificates)],
    'revoke-certificate': [revoke],
    'verify-certificate': [items(['GetItem'], certificates)],
    'get-authority': [items(['GetItem'], authorities)],
    'get-crl': [accessObjects(bucket, ['GetObject'], completeCrl), listBucket(bucket)],
    'post-ocsp': answerOcsp,
    'get-ocsp': answerOcsp,
    'get-health': [items(['GetItem'], issuingAuthority)],
    'ingest-event': [items(['GetItem'], agents, certificates), accessItems(risk, ['GetItem', 'PutItem'])],
    'record-risk-score': [items(['GetItem'], agents), accessItems(risk, ['PutItem'])],
    'authorize': [items(['GetItem'], apiKeys)],
    'auto-revoke': [revoke, readStream(risk), setAside(deadLetters)],
    'publish-crls': [items(['GetItem'], issuingAuthority), ...publishCrls, items(['BatchWriteItem'], effects), readStream(registry), setAside(deadLetters)],
    // That a key's deletion may be scheduled is said by the key's own policy (lambdas/aws/key-management.ts).
    'retire-keys': [items(['GetItem', 'UpdateItem'], effects), readStream(registry), setAside(deadLetters)],
    'refresh-crls': [items(['GetItem'], issuingAuthority), ...publishCrls],
    'expire-certificates': [
      items(['Query', 'DeleteItem'], expiries),
      transactItems(registry, ['DeleteItem', 'UpdateItem', 'PutItem'], [expiries, certificates, outbox, auditEntries]),
    ],
    'mint-authority': [
      items(['GetItem', 'PutItem'], authorities),
      ...publishCrls,
      // The root signs itself, the issuing CA and its own CRL; the issuing key the OCSP responder and, as above, its CRLs.
      sign(keys.root),
      readPublicKey(keys.root),
      readPublicKey(keys.issuing),
      readPublicKey(keys.ocsp),
      accessObjects(bucket, ['GetObject', 'PutObject'], authorityCertificates),
    ],
  };
}

/** Gives a function's role what its handler needs. */
export function grantPermissions(handler: HandlerName, platform: Platform, role: IRole): void {
  for (const permit of permissions(platform)[handler]) permit(role);
}

function sign(key: AuthorityKey): Permission {
  return (role) => { key.allowSigning(role); };
}

function readPublicKey(key: AuthorityKey): Permission {
  return (role) => { key.allowReadingPublicKey(role); };
}
