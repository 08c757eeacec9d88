import type { KMSClient } from '@aws-sdk/client-kms';
import { renderTable } from '../admin/table.ts';
import { agentKey } from './agent-key.ts';
import { certificateTable } from './certificate-table.ts';
import type { Client } from './client.ts';
import { insist } from './failure.ts';
import type { Openssl, OpensslResult } from './openssl.ts';
import { relyingParty } from './relying-party.ts';
import type { Screen } from './screen.ts';
import { deadlineMilliseconds, milliseconds, until } from './until.ts';

const agentProfile = {
  name: 'Treasury Rebalancer',
  model: 'claude-sonnet-4-5',
  model_hash: 'sha256:6b8f1a0c2d4e7f905a3b1c6d8e2f4a7b9c0d1e3f5a6b8c7d9e0f1a2b3c4d5e6f',
  version: '2.4.1',
  operator_org: 'Acme Capital Ltd',
  permitted_actions: ['market_data.read', 'order.place', 'order.cancel'],
  financial_scope: { max_single_trade_usd: 10_000, daily_limit_usd: 50_000, permitted_venues: ['XNAS', 'XNYS'], leverage_permitted: false },
};

export interface Cast {
  readonly client: Client;
  readonly kms: KMSClient;
  readonly openssl: Openssl;
  /** Another way to where certificates point. */
  readonly fetch?: typeof fetch;
  /** How long what follows from an event may take, in milliseconds. */
  readonly patience?: number;
}

/**
 * Takes one agent through everything that can happen to it: registered, certified, verified by a stranger, refused a
 * second certificate, found at high risk, revoked for every verifier, suspended, without its key.
 * @throws DemoFailure at the first thing that is not as it must be
 */
export async function tellStory({ client, kms, openssl, fetch, patience = deadlineMilliseconds }: Cast, screen: Screen, signal: AbortSignal): Promise<void> {
  const call: Client['expect'] = async (status, method, path, body) => {
    const answer = await client.expect(status, method, path, body);
    screen.lines(`${method} /v1${path}  ${status} in ${milliseconds(answer.milliseconds)}`);
    return answer;
  };

  screen.step('Register an agent');
  const registration = await call(201, 'POST', '/agents', agentProfile);
  const agent = registration.body.data as { id: string; status: string };
  insist(agent.status === 'pending', `A new agent must be pending, and this one is ${agent.status}.`);
  screen.lines(`${agentProfile.name} of ${agentProfile.operator_org} is agent ${agent.id}, ${agent.status}`);

  screen.step('Certify it: a key born in KMS, a certificate signed in KMS');
  const certification = await call(201, 'POST', `/agents/${agent.id}/certify`);
  const certificate = certification.body.data as { id: string; serial_number: string; certificate_pem: string; kms_key_arn: string; status: string };
  insist(certificate.status === 'active', `A new certificate must be active, and this one is ${certificate.status}.`);
  screen.lines('', ...certificateTable(certificate.certificate_pem, certificate.kms_key_arn));
  const key = agentKey(kms, certificate.kms_key_arn, certificate.certificate_pem, signal);
  const signatureBits = await key.sign('an order');
  screen.lines('', `KMS signs an order with it: ${signatureBits} bits, which the certificate verifies`);

  screen.step('Verify the chain, its CRLs and OCSP with OpenSSL');
  const { certificates } = (await call(200, 'GET', '/ca')).body.data as { certificates: { role: string; certificate_pem: string }[] };
  const pemOf = (role: string) => certificates.find((candidate) => candidate.role === role)?.certificate_pem ?? '';
  const stranger = await relyingParty(openssl, { root: pemOf('root'), issuing: pemOf('issuing'), agent: certificate.certificate_pem }, signal, fetch);
  const verification = await stranger.verify();
  screen.command(verification.command);
  insist(verification.output === 'agent.pem: OK', `openssl must answer "agent.pem: OK", and it answered "${verification.output}".`);
  screen.good(verification.output);
  const beforehand = await stranger.askResponder();
  screen.command(beforehand.command);
  insist(/^agent\.pem: good$/m.test(beforehand.output), `openssl must answer "agent.pem: good", and it answered "${beforehand.output}".`);
  screen.good('agent.pem: good');

  screen.step('Ask for a second certificate, and be refused');
  const refusal = await call(409, 'POST', `/agents/${agent.id}/certify`);
  insist(refusal.body.code === 'ACTIVE_CERTIFICATE_EXISTS', `The refusal must be ACTIVE_CERTIFICATE_EXISTS, and it is ${refusal.body.code}.`);
  screen.lines(`${refusal.body.code}: ${refusal.body.error}`);

  screen.step('Report an anomaly, which puts its risk at the threshold exactly');
  const report = await call(201, 'POST', '/events', { agent_id: agent.id, action_type: 'transaction_anomaly', payload: { amount_usd: 9_400, venue: 'XNAS' } });
  const time = { since: performance.now(), within: patience };
  const event = report.body.data as { risk_score: number; risk_band: string };
  insist(event.risk_score === 0.85, `The event must score 0.85, and it scored ${event.risk_score}.`);
  screen.lines(`transaction_anomaly: risk ${event.risk_score}, ${event.risk_band}`);

  screen.step('Watch its certificate being revoked');
  const { data, milliseconds: revokedAfter } = await until('The certificate', time, signal, async () => {
    const { body } = await client.expect(200, 'GET', `/verify/${certificate.serial_number}`);
    const answer = body.data as { status: string; valid: boolean; revocation_reason: string };
    return answer.status === 'revoked' && !answer.valid ? answer : undefined;
  });
  screen.lines(`GET /v1/verify/${certificate.serial_number}  200`);
  screen.good(`revoked ${milliseconds(revokedAfter)} after the event was accepted`);
  screen.lines(data.revocation_reason);
  // All three at once, so that each is measured and none by how long the others take.
  const [responder, crl, uselessKey] = await Promise.all([
    until('The OCSP responder’s answer', time, signal, () => onceItSays('agent.pem: revoked', stranger.askResponder())),
    until('The CRL', time, signal, () => onceItSays('certificate revoked', stranger.verify())),
    until('The key', time, signal, () => key.refusal()),
  ]);

  screen.step('And the agent suspended');
  const suspension = await call(200, 'GET', `/agents/${agent.id}`);
  const status = suspension.body.data?.['status'];
  insist(status === 'suspended', `The agent must be suspended, and it is ${String(status)}.`);
  screen.good('suspended');

  screen.step('Ask the OCSP responder, with OpenSSL');
  screen.command(responder.data.command);
  // Not the reason: OpenSSL has names for some of the RFC's only.
  screen.lines(...responder.data.output.split('\n').map((line) => line.trim()).filter((line) => /^(?:agent\.pem|Revocation Time|Response)/.test(line)));
  screen.good(`revoked ${milliseconds(responder.milliseconds)} after the event`);

  screen.step('Verify the chain again, with the CRLs of now');
  screen.command(crl.data.command);
  screen.lines(...crl.data.output.split('\n'));
  screen.good(`on the CRL ${milliseconds(crl.milliseconds)} after the event`);

  screen.step('Sign another order with its key, in vain');
  screen.lines(uselessKey.data);
  screen.good(`unusable ${milliseconds(uselessKey.milliseconds)} after the event`);

  screen.step('In short');
  screen.lines(...renderTable([
    ['Agent registered', milliseconds(registration.milliseconds)],
    ['Certificate issued', milliseconds(certification.milliseconds)],
    ['Chain verified', openssl.version],
    ['Second certificate', '409'],
    ['After risk 0.85:', ''],
    ['  revoked', milliseconds(revokedAfter)],
    ['  OCSP says so', milliseconds(responder.milliseconds)],
    ['  key unusable', milliseconds(uselessKey.milliseconds)],
    ['  on the CRL', milliseconds(crl.milliseconds)],
    ['Agent', 'suspended'],
  ]));
}

const onceItSays = async (text: string, result: Promise<OpensslResult>) => ((await result).output.includes(text) ? result : undefined);
