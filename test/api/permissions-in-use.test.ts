import { GetKeyPolicyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localCredentials, region } from '../../local/account.ts';
import { localRoleArns } from '../../local/environment.ts';
import { handlerNames } from '../../lib/platform.ts';
import { tables } from '../../lambdas/schema.ts';
import { schedules, type ScheduledName } from '../../lambdas/triggers.ts';
import { grantsOf, remembered, unusedHere, type Grant } from '../lib/unused-grants.ts';
import { list, synthesize, type Statement } from '../lib/synthesized.ts';
import { certifiedAgent, dataOf, registerAgent } from '../support/agents.ts';
import { movedClock } from '../support/clock.ts';
import { deployedPolicies } from '../support/deployed-policies.ts';
import { answerLost, awsError } from '../support/faults.ts';
import { requests } from '../support/faults-requests.ts';
import { startFaultyRuntime, type FaultyRuntime } from '../support/faults-runtime.ts';
import { asked, type Asked, type Input, type Resources } from '../support/iam-requests.ts';
import { keyPool } from '../support/key-pool.ts';
import { ocspRequest } from '../support/ocsp.ts';
import { recordCalls, type RecordedCall } from '../support/recorded-calls.ts';
import type { Call, CallOptions } from '../support/runtime.ts';
import { createWebhook } from '../support/webhooks.ts';

/*
 * The embedded services ask nobody for permissions. So every function is run here, what it asks of AWS is recorded, and IAM's rules
 * are applied to that and to the policies of the synthesized stack: a right that is missing shows here and not at the first
 * deployment, and one that nothing uses has to be explained.
 */

const grantee = 'arn:aws:iam::123456789012:role/agents/trader';
const receiver = '127.0.0.1:9'; // Nobody listens there: deliveries fail, and are sent on.

const stack = synthesize({ granteeAccounts: ['123456789012'] });
const policies = deployedPolicies(stack);
const clock = movedClock();
let runtime: FaultyRuntime;
let calls: readonly RecordedCall[] = [];
let resources: Resources;
/** Agents' keys, with the policies that they were born with. */
let keyPolicies: ReadonlyMap<string, readonly Statement[]>;

beforeAll(async () => {
  Object.assign(process.env, { GRANTEE_ACCOUNTS: '123456789012', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32', KEY_RETIREMENTS_PER_SECOND: '200' });
  runtime = await startFaultyRuntime(() => {
    calls = recordCalls();
  }, { automaticSchedules: false, kms: { keyMaterial: keyPool() } });
  await runEverything();
  resources = resourcesOf();
}, 300_000);
afterAll(async () => {
  for (const name of ['GRANTEE_ACCOUNTS', 'WEBHOOK_ALLOWED_NETWORKS', 'KEY_RETIREMENTS_PER_SECOND']) Reflect.deleteProperty(process.env, name);
  clock.restore();
  await runtime.stop();
});

async function readKeyPolicies(): Promise<Map<string, Statement[]>> {
  const kms = new KMSClient({ endpoint: runtime.kmsEndpoint, region, credentials: localCredentials });
  const creators = new Map(calls.filter(({ operation }) => operation === 'CreateKey').map(({ functionName, input }) => [tagOf(input, 'kakunin:certificate'), String(functionName)]));
  const read = async ({ arn, certificateId }: { arn: string; certificateId: string }) =>
    [arn, asDeployed((await kms.send(new GetKeyPolicyCommand({ KeyId: arn }))).Policy ?? '', creators.get(certificateId) ?? '')] as const;
  const found = await Promise.all((await runtime.aftermath.agentKeys()).map(read));
  kms.destroy();
  return new Map(found);
}

const tagOf = ({ Tags }: Input, name: string) => (Tags as Input[]).find(({ TagKey }) => TagKey === name)?.['TagValue'] as string;

/** A key's policy, with the roles of the stack in the place of those of this machine; it names its creator's own. */
function asDeployed(policy: string, creator: string): Statement[] {
  const roles = { [localRoleArns.certifier]: creator, [localRoleArns.keyRetirer]: 'retire-keys', [localRoleArns.messageSigner]: 'sign-message' };
  return JSON.parse(Object.entries(roles).reduce((text, [local, name]) => text.replaceAll(`"${local}"`, `"${policies.roleArnOf(name)}"`), policy)).Statement;
}

async function runEverything(): Promise<void> {
  let requestCount = 0;
  // Whatever changes something does so under a key, so that its record is written too.
  const call: Call = (method, path, options: CallOptions = {}) =>
    runtime.call(method, path, { ...options, headers: { ...(method !== 'GET' && options.key !== null && { 'idempotency-key': `request-${++requestCount}` }), ...options.headers } });

  const { agent, certificate } = await certifiedAgent(call);
  const granted = await registerAgent(call);
  const { id: grantedCertificate } = dataOf(await call('POST', `/agents/${granted.id}/certify`, { body: { grantee_principal_arn: grantee } }), 201);
  const { signature } = dataOf(await call('POST', `/agents/${agent.id}/sign`, { body: { payload: {} } }), 200);
  dataOf(await call('POST', '/verify/message', { key: null, body: { payload: {}, signature, certificate_serial: certificate.serial_number } }), 200);
  dataOf(await call('GET', `/verify/${certificate.serial_number}`, { key: null }), 200);
  for (const path of ['/agents', `/agents/${agent.id}`, '/certificates', `/certificates?agent_id=${agent.id}`, `/certificates/${certificate.id}`, '/audit-log', `/audit-log?affected_id=${agent.id}`]) dataOf(await call('GET', path), 200);
  dataOf(await call('PATCH', `/agents/${agent.id}`, { body: { name: 'Another' } }), 200);

  const webhook = await createWebhook(call, { url: `https://${receiver}/in`, events: ['agent.created', 'certificate.revoked'] });
  const { id: webhookId } = webhook;
  dataOf(await call('PATCH', `/webhooks/${webhookId}`, { body: { rotate_secret: true } }), 200);
  await registerAgent(call); // Of which it is told.
  await runtime.idle();
  for (const path of ['/webhooks', `/webhooks/${webhookId}`, `/webhooks/${webhookId}/deliveries`]) dataOf(await call('GET', path), 200);
  // A request that is repeated has its answer's secret decrypted.
  const repeated = { headers: { 'idempotency-key': 'the-same' }, body: { url: `https://${receiver}/other`, events: ['agent.created'] } };
  const second = dataOf(await call('POST', '/webhooks', repeated), 201);
  dataOf(await call('POST', '/webhooks', repeated), 201);
  const rotation = { headers: { 'idempotency-key': 'the-same-again' }, body: { rotate_secret: true } };
  for (const _ of [1, 2]) dataOf(await call('PATCH', `/webhooks/${second.id}`, rotation), 200);
  await call('DELETE', `/webhooks/${second.id}`);

  await call('POST', '/events', { body: { agent_id: agent.id, action_type: 'transaction_anomaly', details: { amount_usd: 1 } } });
  await runtime.idle();
  for (const path of ['/events', `/events?agent_id=${agent.id}`, `/agents/${agent.id}/risk`]) dataOf(await call('GET', path), 200);

  const others = await Promise.all(Array.from({ length: 6 }, () => certifiedAgent(call)));
  const [renewed, halted, revoked, retired, suspended, lost] = others as [typeof others[0], typeof others[0], typeof others[0], typeof others[0], typeof others[0], typeof others[0]];
  dataOf(await call('POST', `/certificates/${renewed.certificate.id}/renew`), 201);
  dataOf(await call('POST', `/certificates/${grantedCertificate}/renew`), 201); // Which ends the grant.
  dataOf(await call('POST', `/agents/${halted.agent.id}/halt`), 200);
  dataOf(await call('POST', `/certificates/${revoked.certificate.id}/revoke`, { body: { reason: 'test' } }), 200);
  dataOf(await call('DELETE', `/agents/${retired.agent.id}`), 200);
  dataOf(await call('PATCH', `/agents/${suspended.agent.id}`, { body: { status: 'suspended' } }), 200);
  await call('POST', '/risk-scores', { body: { agent_id: agent.id, score: 0.95 } });
  await runtime.idle();

  // An issuance that fails takes its key back, and a renewal does so too.
  for (const path of [`/agents/${revoked.agent.id}/certify`, `/certificates/${lost.certificate.id}/renew`]) {
    runtime.kms.inject(requests.sign, awsError('KMSInternalException'));
    expect((await call('POST', path)).status).toBe(503);
    runtime.calm();
  }

  const [issuer] = dataOf(await runtime.call('GET', '/ca', { key: null, headers: { accept: 'application/json' } }), 200).certificates.filter(({ role }: { role: string }) => role === 'issuing');
  const question = ocspRequest([{ issuer: issuer.certificate_pem, serialNumber: certificate.serial_number }]);
  for (const path of ['/crl', '/openapi.json', '/health', `/ocsp/${encodeURIComponent(Buffer.from(question).toString('base64'))}`]) expect((await fetch(runtime.url + path)).status).toBe(200);
  expect((await fetch(`${runtime.url}/ocsp`, { method: 'POST', body: question as Uint8Array<ArrayBuffer>, headers: { 'content-type': 'application/ocsp-request' } })).status).toBe(200);

  // What faults leave behind, for the clock's functions: a key that nobody has the name of, and certificates that expire.
  runtime.kms.inject(requests.createKey, answerLost, { times: 1 });
  await runtime.certify(await runtime.newAgent());
  runtime.calm();
  await runSchedules();
  clock.moveTo(new Date(Date.now() + 20 * 86_400_000).toISOString()); // The OCSP responder's certificate is renewed.
  await runSchedules();
  dataOf(await call('GET', `/agents/${agent.id}/risk`), 200); // The days that are over are noted.
  keyPolicies = await readKeyPolicies(); // Before keys are gone.
  clock.moveTo(new Date(Date.now() + 400 * 86_400_000).toISOString());
  await runSchedules();
}

async function runSchedules(): Promise<void> {
  for (const name of Object.keys(schedules) as ScheduledName[]) await runtime.runSchedule(name);
  await runtime.idle();
}

/** What the names of this machine's tables, buckets, queues and keys are in the stack. */
function resourcesOf(): Resources {
  const idOf = (resource: unknown) => String(stack.resources.find(([, one]) => one === resource)?.[0]);
  const arnOf = (resource: unknown) => policies.arnOf(idOf(resource));
  const { registry, risk } = stack.table;
  const keys = { ROOT_KEY_ID: 'ca-root', ISSUING_KEY_IDS: 'ca-issuing', OCSP_KEY_ID: 'ca-ocsp', ATTESTATION_KEY_ID: 'ca-attestation', WEBHOOK_KEY_ID: 'webhooks' } as const;
  return {
    tables: {
      [runtime.tableNames.registry]: { arn: arnOf(registry), partitionKey: tables.registry.partitionKey },
      [runtime.tableNames.risk]: { arn: arnOf(risk), partitionKey: tables.risk.partitionKey },
    },
    buckets: { [runtime.bucketNames.distribution]: arnOf(stack.bucket.files), [runtime.bucketNames.audit]: arnOf(stack.bucket['audit archive']) },
    queues: Object.fromEntries(stack.ofType('AWS::SQS::Queue').map(([id, { Properties }]) => [Properties['QueueName'], policies.arnOf(id)])),
    eventBus: policies.arnOf(String(stack.ofType('AWS::Events::EventBus')[0]?.[0])),
    keys: Object.fromEntries(Object.entries(keys).map(([variable, role]) => [process.env[variable] ?? '', arnOf(stack.key(role))])),
  };
}

/** Everything that a function asked for, once each. */
function askedBy(name: string): Asked[] {
  const all = calls.filter(({ functionName }) => functionName === name).flatMap((call) => asked(call, resources)).map(asDeployment);
  return [...new Map(all.map((request) => [JSON.stringify(request), request])).values()];
}

/** The deployment is called `local` here, and its keys say so. */
function asDeployment(request: Asked): Asked {
  const tag = 'aws:RequestTag/kakunin:deployment';
  return request.context?.[tag] === undefined ? request : { ...request, context: { ...request.context, [tag]: 'kakunin' } };
}

const decide = (name: string, request: Asked) => {
  const keyPolicy = keyPolicies.get(request.resource);
  return policies.decide({ ...request, principal: policies.roleArnOf(name) }, keyPolicy && { keyPolicy });
};

test.each(handlerNames.filter((name) => name !== 'get-openapi'))('%s may do what it does', (name) => {
  const requested = askedBy(name);
  expect(requested.length).toBeGreaterThan(0);
  expect(requested.filter((request) => decide(name, request) !== 'allowed').map(({ action, resource, context }) => `${action} on ${resource} ${JSON.stringify(context)}`)).toEqual([]);
});

test('what modules read while they are loaded, or once a minute, is the issuing CA and the OCSP responder, and those that do may', () => {
  const loading = calls.filter(({ functionName }) => functionName === undefined).flatMap((call) => asked(call, resources));
  // The one who minted it has read it for all.
  const reading = calls.filter(({ operation }) => operation === 'GetItem').flatMap((call) => asked(call, resources));
  expect([...new Set(loading.map(({ action, context }) => `${action} ${String(context?.['dynamodb:LeadingKeys'])}`))].sort()).toEqual(['dynamodb:GetItem CA#ocsp']);
  for (const [name, kinds] of Object.entries(remembered)) {
    for (const kind of kinds) {
      const [read] = reading.filter(({ context }) => list(context?.['dynamodb:LeadingKeys'] as string[]).includes(kind));
      expect([name, decide(name, read as Asked)]).toEqual([name, 'allowed']);
    }
  }
});

describe('what nothing here uses is explained', () => {
  const isUsed = (grant: Grant, requested: readonly Asked[]) => requested.some((request) => grant.covers(request));

  test.each(handlerNames)('%s', (name) => {
    const requested = askedBy(name);
    const unused = grantsOf(stack, policies, name).filter((grant) => !isUsed(grant, requested)).map(({ line }) => line);
    // Whose turn it is to read what all remember for a minute is left to chance.
    const reads = (remembered[name] ?? []).map((kind) => `dynamodb:GetItem on <registry> ${kind}*`);
    expect(unused.filter((line) => !reads.includes(line)).sort()).toEqual(Object.keys(unusedHere(name)).sort());
  });
});
