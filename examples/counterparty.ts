// A counterparty decides on a payment: counterparty.ts ca.pem payment.json
// It never calls the API. It has the CA bundle, and downloads the CRL that the certificate names.
import { readFile } from 'node:fs/promises';
import { scopeViolation } from './financial-scope.ts';
import { openVerifier } from './verifier.ts';

const [authoritiesFile, paymentFile] = process.argv.slice(2);
if (authoritiesFile === undefined || paymentFile === undefined) {
  console.error('Usage: counterparty.ts ca.pem payment.json');
  process.exit(2);
}
const verify = openVerifier(await readFile(authoritiesFile, 'utf8'));
const { payment, signature, certificate } = JSON.parse(await readFile(paymentFile, 'utf8'));

const verdict = await verify({ payload: payment, signature, certificate });
if (!verdict.valid) refuse(`${verdict.reason}: ${verdict.message}`);

const { uri, organization, permittedActions, financialScope } = verdict.agent;
console.log(`${uri} of ${organization} may ${permittedActions.join(', ')} within ${JSON.stringify(financialScope)}.`);

// From here on only what was signed counts. Whoever books payments also refuses an id that is booked already, and hands
// scopeViolation the sum of the agent's day.
const { type, id, payee, amount_usd: amountUsd, expires_at: expiresAt } = verdict.payload ?? {};
if (type !== 'payment' || payee !== 'Globex Clearing') refuse('This is no payment to us.');
if (typeof expiresAt !== 'string' || !(Date.parse(expiresAt) > Date.now())) refuse('The payment is too old.');
if (typeof amountUsd !== 'number' || !(amountUsd > 0)) refuse('The payment has no amount.');
if (!permittedActions.includes('payment:send')) refuse('The agent may not send payments.');
const violation = scopeViolation(financialScope, { amountUsd });
if (violation !== undefined) refuse(violation);
console.log(`Payment ${id} of ${amountUsd} USD is accepted.`);

function refuse(why: string): never {
  console.log(`Refused. ${why}`);
  process.exit(1);
}
