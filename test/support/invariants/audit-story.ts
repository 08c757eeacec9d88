import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { Item, World } from './world.ts';

/*
 * The audit trail and the tables tell the same story: for each change of an agent, a certificate, a webhook or a risk alert that
 * went through the registry's stream there is exactly one entry, and no entry without its change.
 */

/** What kind of change an entry is of; agents are updated, suspended, halted and retired in one way. */
const kinds: Readonly<Record<string, string>> = {
  'agent.updated': 'agent changed', 'agent.suspended': 'agent changed', 'agent.halted': 'agent changed', 'agent.retired': 'agent changed',
};

export function violationsOfAuditStory({ history, auditEntries }: World): string[] {
  const balance = new Map<string, number>();
  const count = (subject: unknown, kind: string, by: 1 | -1) => balance.set(`${kind} of ${String(subject)}`, (balance.get(`${kind} of ${String(subject)}`) ?? 0) + by);
  const problems: string[] = [];
  for (const record of history) {
    const { before, after } = imagesOf(record);
    const pk = String((after ?? before)?.['pk']);
    if (pk.startsWith('AUDIT#')) {
      if (before !== undefined && after === undefined) problems.push(`The audit entry ${before['id']} was removed.`);
      if (before !== undefined && after !== undefined && shownIn(before) !== shownIn(after)) problems.push(`The audit entry ${before['id']} was changed.`);
    }
    for (const [subject, kind] of changesIn(pk, before, after)) count(subject, kind, 1);
  }
  for (const { eventType, affectedId } of auditEntries) {
    // Signing changes nothing; who is answered a signature finds it (acknowledged.ts).
    if (eventType !== 'message.signed') count(affectedId, kinds[eventType] ?? eventType, -1);
  }
  for (const [what, difference] of balance) {
    if (difference > 0) problems.push(`There is no audit entry for ${difference} of: ${what}.`);
    if (difference < 0) problems.push(`There are ${-difference} audit entries too many for: ${what}.`);
  }
  return problems;
}

/** Each entry is a link of its tenant's chain, once; all of them are, once nothing is under way. */
export function violationsOfChains({ auditEntries, links }: World): string[] {
  const chained = new Set(links);
  const entries = new Set(auditEntries.map(({ id }) => id as string));
  return [
    ...(chained.size === links.length ? [] : [`${links.length - chained.size} audit entries are chained more than once.`]),
    ...[...entries].filter((id) => !chained.has(id)).map((id) => `The audit entry ${id} is in no chain.`),
    ...[...chained].filter((id) => !entries.has(id)).map((id) => `There is no audit entry ${id}, and it is in a chain.`),
  ];
}

function changesIn(pk: string, before: Item | undefined, after: Item | undefined): [subject: unknown, kind: string][] {
  if (pk.startsWith('AGENT#') && after !== undefined) {
    if (before === undefined) return [[after['id'], 'agent.created']];
    const next = after['activeCertificate']?.id as string | undefined;
    const wasIssued = next !== undefined && next !== before['activeCertificate']?.id;
    // An issuance is told of where its certificate is; leases and scores are no changes.
    return wasIssued || stateOf(before) === stateOf(after) ? [] : [[after['id'], 'agent changed']];
  }
  if (pk.startsWith('CERT#') && after !== undefined) {
    const changes: [unknown, string][] = before === undefined ? [[after['id'], 'certificate.issued']] : [];
    if (after['status'] === 'revoked' && before?.['status'] !== 'revoked') {
      changes.push([after['id'], 'certificate.revoked']);
      if (/^Risk score .* reached the threshold of/.test(after['revocationReason'])) changes.push([after['agentId'], 'agent.high_risk']);
    }
    if (after['expiryNotedAt'] !== undefined && before?.['expiryNotedAt'] === undefined) changes.push([after['id'], 'certificate.expired']);
    return changes;
  }
  if (pk.startsWith('WEBHOOK#')) return [[(after ?? before)?.['id'], before === undefined ? 'webhook.created' : after === undefined ? 'webhook.deleted' : 'webhook.updated']];
  if (pk.startsWith('ALERT#') && before === undefined) return [[pk.slice('ALERT#'.length), 'risk.alert']];
  return [];
}

/** What of an agent is its own state. */
const stateOf = ({ lease: _, riskScore: __, riskObservedAt: ___, activeCertificate, ...state }: Item): string => textOf({ ...state, activeCertificate: activeCertificate?.id });

/** What of an entry is shown: not that it was delivered again. */
const shownIn = ({ replayedAt: _, ...entry }: Item): string => textOf(entry);

/** Attributes have no order. */
function textOf(item: Item): string {
  return JSON.stringify(item, (_, value: unknown) => (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value) ? value : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))));
}

function imagesOf({ dynamodb }: DynamoDBRecord): { before: Item | undefined; after: Item | undefined } {
  const read = (image: unknown) => (image === undefined ? undefined : unmarshall(image as Parameters<typeof unmarshall>[0], { wrapNumbers: Number }));
  return { before: read(dynamodb?.OldImage), after: read(dynamodb?.NewImage) };
}
