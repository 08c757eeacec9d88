import type { Role } from 'aws-cdk-lib/aws-iam';
import { isMutation } from '../lambdas/routes.ts';
import type { AuthorityKey, AuthorityKeys } from './authority-keys.ts';
import {
  accessItems, accessObjects, createAgentKeys, listBucket, publishEvents, queryIndex, readAgentKeys, readStream, receiveMessages, sendMessages, setAside, transactItems,
  type IndexName, type ItemAction, type Permission,
} from './grants.ts';
import type { HandlerName, Platform } from './platform.ts';
import type { WebhookKey } from './webhook-key.ts';

// Partition keys of the registry, by kind of item (lambdas/schema.ts).
const agents = 'AGENT#*';
const certificates = 'CERT#*';
const expiries = 'EXPIRY#*';
const crlEntries = 'REVOKED#*';
const outbox = 'OUTBOX#*';
const effects = 'EFFECT#*';
const riskAlerts = 'ALERT#*';
const crlNumbers = 'CRL#*';
const auditEntries = 'AUDIT#*';
const auditChains = 'CHAIN#*';
const chainMarks = 'CHAINED#*';
const auditExports = 'EXPORT#*';
const authorities = 'CA#*';
// Of every generation.
const issuingAuthority = 'CA#issuing*';
const ocspResponder = 'CA#ocsp*';
const attestationAuthority = 'CA#attestation';
const apiKeys = 'KEY#*';
const webhooks = 'WEBHOOK#*';
const webhookCounts = 'WEBHOOKS#*';
const deliveries = 'DELIVERY#*';
const passProgress = 'RECONCILER#*';
const keyedRequests = 'IDEMPOTENCY#*';

// Objects of the distribution, as lambdas/pki/distribution-urls.ts names them.
const crls = 'crl/*';
const completeCrls = 'crl/*complete.*';
const authorityCertificates = 'ca/*';

// Objects of the audit archive.
const exportedTrail = 'audit/*';

/**
 * Who may do what: the one place where a function gets its rights, beside its own log group and X-Ray. Nobody scans, nobody
 * writes another kind of item than its own, only expire-certificates, reconcile and delete-webhook delete, and only the
 * authorizer reads API keys.
 */
function permissions({ settings, tables: { registry, risk }, keys, webhookKey, distribution: { bucket }, deadLetters, auditArchive, queues, exhaustedDeliveries, eventBus }: Platform): Record<HandlerName, readonly Permission[]> {
  const items = (actions: readonly ItemAction[], ...kinds: string[]) => accessItems(registry, actions, kinds);
  const query = (index: IndexName) => queryIndex(registry, index);
  const transact = (action: ItemAction, ...kinds: string[]) => transactItems(registry, [action], kinds);
  // Certificate, agent, the CRL's entry, what is to follow, and the trail of it: one transaction.
  const revoke = [items(['UpdateItem'], agents, certificates), transact('PutItem', crlEntries, outbox, auditEntries)];
  const revokeOfAgent = [items(['GetItem'], agents), ...revoke];
  const issue = [items(['GetItem'], issuingAuthority), items(['UpdateItem'], agents), createAgentKeys(settings.deployment), issueFrom(keys.issuing)];
  // The number before the entries, the entries, the list signed, and put in the place of the one before it.
  const publishCrls = [
    items(['UpdateItem'], crlNumbers),
    items(['Query'], crlEntries),
    ...keys.issuing.map(({ key }) => sign(key)),
    accessObjects(bucket, ['GetObject', 'PutObject'], crls, 'A CRL for each shard, and the complete one.'),
    listBucket(bucket),
  ];
  const answerOcsp = [items(['GetItem'], certificates, issuingAuthority, ocspResponder), sign(keys.ocsp)];
  const noteExpiries = [
    items(['Query', 'DeleteItem'], expiries),
    transact('UpdateItem', certificates),
    transact('PutItem', outbox, auditEntries),
  ];
  return {
    'create-agent': [transact('PutItem', agents, auditEntries)],
    'list-agents': [query('by-tenant'), items(['BatchGetItem', 'GetItem'], agents)],
    'get-agent': [items(['GetItem'], agents), query('by-agent'), items(['BatchGetItem'], certificates)],
    'update-agent': revokeOfAgent,
    'retire-agent': revokeOfAgent,
    'halt-agent': [...revokeOfAgent, items(['GetItem'], attestationAuthority), sign(keys.attestation)],
    'certify-agent': [items(['GetItem'], certificates), transact('PutItem', certificates, expiries, auditEntries), ...issue],
    // That agents' keys sign for it is said by the keys' own policies (lambdas/aws/key-management.ts).
    'sign-message': [
      items(['GetItem'], agents, certificates, issuingAuthority),
      transact('ConditionCheckItem', certificates),
      transact('PutItem', auditEntries),
    ],
    'list-certificates': [query('by-tenant'), query('by-agent'), items(['BatchGetItem'], certificates)],
    'get-certificate': [items(['GetItem'], certificates)],
    'revoke-certificate': [items(['GetItem'], certificates), ...revoke],
    // What certifying and revoking write, in one transaction.
    'renew-certificate': [
      items(['GetItem'], certificates), transact('UpdateItem', certificates), transact('PutItem', certificates, expiries, crlEntries, outbox, auditEntries), ...issue,
    ],
    'verify-certificate': [items(['GetItem'], certificates, issuingAuthority)],
    'verify-message': [items(['GetItem'], certificates, issuingAuthority)],
    'get-authority': [items(['GetItem'], authorities)],
    'get-crl': [accessObjects(bucket, ['GetObject'], completeCrls, 'The complete CRL of each issuing CA, in DER and in PEM.'), listBucket(bucket)],
    'post-ocsp': answerOcsp,
    'get-ocsp': answerOcsp,
    'get-openapi': [],
    'get-health': [items(['GetItem'], issuingAuthority)],
    'ingest-event': [items(['GetItem'], agents, certificates), accessItems(risk, ['GetItem', 'PutItem'])],
    'list-events': [items(['GetItem'], agents), accessItems(risk, ['BatchGetItem', 'Query']), queryIndex(risk, 'by-tenant')],
    'get-agent-risk': [items(['GetItem'], agents), accessItems(risk, ['PutItem', 'Query'])],
    'record-risk-score': [items(['GetItem'], agents), accessItems(risk, ['PutItem'])],
    'list-audit-entries': [items(['BatchGetItem', 'Query'], auditEntries), query('by-agent')],
    // Decrypting for the repetition of a request, whose answer shows the secret once more (lambdas/http/idempotency.ts).
    'create-webhook': [transact('PutItem', webhooks, auditEntries), transact('UpdateItem', webhookCounts), encryptAndDecrypt(webhookKey)],
    'list-webhooks': [items(['Query'], webhooks)],
    'get-webhook': [items(['GetItem'], webhooks)],
    'update-webhook': [items(['GetItem'], webhooks), transact('PutItem', webhooks, auditEntries), encryptAndDecrypt(webhookKey)],
    'delete-webhook': [items(['GetItem'], webhooks), transact('DeleteItem', webhooks), transact('UpdateItem', webhookCounts), transact('PutItem', auditEntries)],
    'list-webhook-deliveries': [items(['GetItem'], webhooks), items(['Query'], deliveries)],
    'authorize': [items(['GetItem'], apiKeys)],
    'auto-revoke': [items(['GetItem'], agents, certificates), ...revoke, transact('PutItem', riskAlerts, auditEntries), readStream(risk), setAside(deadLetters)],
    'publish-crls': [items(['GetItem'], issuingAuthority), ...publishCrls, items(['BatchWriteItem'], effects), readStream(registry), setAside(deadLetters)],
    'relay-changes': [
      sendMessages(queues['retire-keys'].queue), sendMessages(queues['deliver-webhook'].queue), publishEvents(eventBus), items(['Query'], webhooks),
      // What is chained stays: the links behind the head are put where there are none, and the head only ever goes forward.
      items(['GetItem'], auditChains),
      items(['BatchGetItem'], chainMarks),
      transact('PutItem', auditChains, chainMarks),
      readStream(registry), setAside(deadLetters),
    ],
    // That a key's deletion may be scheduled is said by the key's own policy (lambdas/aws/key-management.ts).
    'retire-keys': [items(['GetItem', 'UpdateItem'], effects), receiveMessages(queues['retire-keys'].queue)],
    'deliver-webhook': [
      items(['GetItem'], webhooks),
      items(['UpdateItem'], deliveries),
      decrypt(webhookKey),
      receiveMessages(queues['deliver-webhook'].queue),
      sendMessages(queues['deliver-webhook'].queue),
      sendMessages(exhaustedDeliveries),
    ],
    'refresh-crls': [items(['GetItem'], issuingAuthority), ...publishCrls],
    'expire-certificates': noteExpiries,
    // What auto-revoke and expire-certificates do, an outbox entry touched, a dead lease forgotten. It deletes no key: it hands keys to retire-keys.
    'reconcile': [
      readAgentKeys(settings.deployment),
      items(['GetItem'], agents, certificates),
      ...revoke,
      transact('PutItem', riskAlerts, auditEntries),
      items(['Query'], effects),
      ...noteExpiries,
      items(['GetItem', 'PutItem'], passProgress),
      accessItems(risk, ['Query']),
      sendMessages(queues['retire-keys'].queue),
    ],
    // What it signs, it can only read.
    'export-audit-trail': [
      query('by-tenant'),
      items(['GetItem', 'Query'], auditChains),
      items(['BatchGetItem'], auditEntries),
      items(['GetItem', 'UpdateItem'], auditExports),
      items(['GetItem'], attestationAuthority),
      sign(keys.attestation),
      accessObjects(auditArchive, ['GetObject', 'PutObject'], exportedTrail, 'A folder for each tenant, and a file for each export, which the lock keeps.'),
    ],
    'mint-authority': [
      items(['GetItem', 'PutItem'], authorities),
      ...publishCrls,
      // The root signs itself, the issuing CAs and its own CRL; the issuing keys the OCSP responder, the
      // attestation authority and, as above, their CRLs. None goes that still serves, which its expiries say.
      items(['Query'], expiries),
      sign(keys.root),
      readPublicKey(keys.root),
      ...keys.issuing.map(({ key }) => readPublicKey(key)),
      readPublicKey(keys.ocsp),
      readPublicKey(keys.attestation),
      accessObjects(bucket, ['GetObject', 'PutObject'], authorityCertificates, 'The certificates of the root, the issuing CA and the attestation authority.'),
    ],
  };
}

/** Gives a function's role what its handler needs. Whatever changes something honours Idempotency-Key. */
export function grantPermissions(handler: HandlerName, platform: Platform, role: Role): void {
  for (const permit of permissions(platform)[handler]) permit(role);
  if (isMutation(handler)) accessItems(platform.tables.registry, ['PutItem', 'UpdateItem'], [keyedRequests])(role);
}

function sign(key: AuthorityKey): Permission {
  return (role) => { key.allowSigning(role); };
}

/**
 * Signs with the key of the generation that issues. The others' keys go on admitting it: taken away in the same deployment,
 * that would be gone before the function knows of the new key.
 */
function issueFrom([issues, ...serve]: AuthorityKeys['issuing']): Permission {
  return (role) => {
    issues.key.allowIssuing(role);
    for (const { key } of [issues, ...serve]) key.admitSigning(role);
  };
}

function readPublicKey(key: AuthorityKey): Permission {
  return (role) => { key.allowReadingPublicKey(role); };
}

function decrypt(key: WebhookKey): Permission {
  return (role) => { key.allow(['kms:Decrypt'], role); };
}

function encryptAndDecrypt(key: WebhookKey): Permission {
  return (role) => { key.allow(['kms:Encrypt', 'kms:Decrypt'], role); };
}
