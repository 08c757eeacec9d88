import { deedsByAgent, fateOf, issuedCertificates, possibleVersions } from './expectations.ts';
import { dataOf, isDone, type Deed } from './history.ts';
import type { Item } from './service.ts';

/* Whether the tables hold what was answered, all of it and for ever, and whether they contradict themselves. */

export interface Tables {
  readonly registry: readonly Item[];
  readonly risk: readonly Item[];
}

/** @returns a sentence for each thing that is not as it must be; of what is to come about soon, nothing yet. */
export function tableProblems(deeds: readonly Deed[], { registry, risk }: Tables): string[] {
  const items = new Map(registry.map((item) => [`${item['pk']} ${item['sk']}`, item]));
  const entries = registry.filter(({ pk }) => String(pk).startsWith('AUDIT#'));
  const trail = new Map<string, Item[]>();
  for (const entry of entries) {
    const about = `${entry['eventType']} ${entry['affectedId']}`;
    trail.set(about, [...(trail.get(about) ?? []), entry]);
  }
  return [...promiseProblems(deeds, { items, trail, riskKeys: new Set(risk.map((item) => `${item['agent_id']} ${item['record_id']}`)) }), ...contradictions(registry, items, trail)];
}

interface Found {
  readonly items: ReadonlyMap<string, Item>;
  readonly trail: ReadonlyMap<string, readonly Item[]>;
  readonly riskKeys: ReadonlySet<string>;
}

function promiseProblems(deeds: readonly Deed[], { items, trail, riskKeys }: Found): string[] {
  const problems: string[] = [];
  const byAgent = deedsByAgent(deeds);
  const expect = (condition: boolean, sentence: () => string) => void (condition || problems.push(sentence()));

  for (const [agentId, own] of byAgent) {
    const agent = items.get(`AGENT#${agentId} AGENT`);
    expect(agent !== undefined, () => `Agent ${agentId} was registered and is gone.`);
    if (agent === undefined) continue;
    const versions = possibleVersions(own);
    expect(versions.has(agent['version']), () => `Agent ${agentId} has version ${agent['version']}, and the last one answered for is ${[...versions].join(' or ')}.`);
    if (own.some((deed) => deed.kind === 'retire' && isDone(deed))) expect(agent['status'] === 'retired', () => `Agent ${agentId} was retired and is ${agent['status']}.`);
  }

  for (const certificate of issuedCertificates(deeds)) {
    const { id, agentId, keyArn } = certificate;
    const item = items.get(`CERT#${id} CERT`);
    expect(item?.['keyArn'] === keyArn, () => `Certificate ${id} was issued and is gone, or has another key.`);
    const fate = fateOf(certificate, byAgent.get(agentId) ?? []);
    if (fate === 'revoked' || fate === 'active') expect(item?.['status'] === fate, () => `Certificate ${id} must be ${fate} and is ${item?.['status']}.`);
  }

  for (const deed of deeds) {
    if (!isDone(deed)) continue;
    const entriesOf = (eventType: string, affectedId: string) => trail.get(`${eventType} ${affectedId}`) ?? [];
    const { agentId = '', path } = deed;
    const data = dataOf(deed);
    switch (deed.kind) {
      case 'update':
        expect(entriesOf('agent.updated', agentId).length > 0, () => `The trail has no word of an update of agent ${agentId}.`);
        break;
      case 'sign':
        expect(entriesOf('message.signed', agentId).some(({ metadata }) => metadata.payload_hash === data.payload_hash && metadata.certificate_serial === data.certificate_serial),
          () => `The trail has no word of the signature of ${data.payload_hash} by agent ${agentId}.`);
        break;
      case 'halt':
        expect(entriesOf('agent.halted', agentId).some(({ id }) => id === data.halt_event_id), () => `The trail has no word of the halt ${data.halt_event_id} of agent ${agentId}.`);
        break;
      case 'severe record':
        expect(riskKeys.has(`${agentId} ${path}`), () => `Risk record ${path} of agent ${agentId} is gone.`);
        break;
      case 'event': case 'severe event': case 'score': case 'severe score':
        expect([...riskKeys].some((riskKey) => riskKey.startsWith(`${agentId} `) && riskKey.endsWith(`#${data.id}`)), () => `The ${deed.kind} ${data.id} of agent ${agentId} is gone.`);
        break;
      case 'create webhook':
        expect([...items.keys()].some((itemKey) => itemKey.startsWith('WEBHOOK#') && itemKey.endsWith(` ${data.id}`)), () => `Webhook ${data.id} is gone.`);
        expect(entriesOf('webhook.created', data.id).length === 1, () => `The trail does not have the making of webhook ${data.id} once.`);
        break;
      case 'register': case 'certify': case 'renew': case 'revoke': case 'suspend': case 'retire':
        break; // Of these the tables themselves say whether the trail has them.
    }
  }
  return problems;
}

/** What must hold of the tables whoever was answered what. */
function contradictions(registry: readonly Item[], items: ReadonlyMap<string, Item>, trail: Found['trail']): string[] {
  const problems: string[] = [];
  const told = (eventType: string, affectedId: string, times: number) => {
    const found = trail.get(`${eventType} ${affectedId}`)?.length ?? 0;
    if (found !== times) problems.push(`The trail has ${eventType} of ${affectedId} ${found} times, and the tables ${times}.`);
  };
  const active = new Map<string, Item[]>();
  for (const item of registry) {
    if (item['sk'] === 'AGENT') told('agent.created', item['id'], 1);
    if (item['sk'] !== 'CERT') continue;
    const { id, agentId, status } = item;
    told('certificate.issued', id, 1);
    told('certificate.revoked', id, status === 'revoked' ? 1 : 0);
    if (status === 'active') active.set(agentId, [...(active.get(agentId) ?? []), item]);
    if (status === 'revoked' && !items.has(`OUTBOX#${id} OUTBOX`)) problems.push(`Certificate ${id} is revoked, and nothing follows from it.`);
  }
  for (const agent of registry.filter(({ sk }) => sk === 'AGENT')) {
    const { id, status, activeCertificate } = agent;
    const own = active.get(id) ?? [];
    if (own.length > 1) problems.push(`Agent ${id} has ${own.length} active certificates.`);
    if (own[0]?.['id'] !== activeCertificate?.id) problems.push(`Agent ${id} points to certificate ${activeCertificate?.id}, and ${own[0]?.['id']} is active.`);
    if ((status === 'active') !== (own.length === 1)) problems.push(`Agent ${id} is ${status} and has ${own.length} active certificates.`);
  }
  return problems;
}
