// An agent pays: agent.ts <agent id> <amount in USD> > payment.json
// It holds no private key. KMS signs, and the signature leaves only if the certificate is active and the audit trail has it.
import { randomUUID } from 'node:crypto';
import { call } from './api.ts';

const [agentId, amount] = process.argv.slice(2);
if (agentId === undefined || !(Number(amount) > 0)) {
  console.error('Usage: agent.ts <agent id> <amount in USD> > payment.json');
  process.exit(2);
}

// All that the counterparty must not mistake is signed: whom it is for, until when, and an id that makes it recognisable.
const payment = {
  type: 'payment',
  id: randomUUID(),
  payee: 'Globex Clearing',
  amount_usd: Number(amount),
  expires_at: new Date(Date.now() + 5 * 60_000).toISOString(),
};
const { signature, certificate_serial } = await call('POST', `/agents/${agentId}/sign`, { payload: payment });

// The certificate is public and goes with the payment, so that nobody has to ask for it.
const { certificates } = await call('GET', `/agents/${agentId}`);
const { certificate_pem } = certificates.find(({ serial_number }: { serial_number: string }) => serial_number === certificate_serial);
console.log(JSON.stringify({ payment, signature, certificate: certificate_pem }, undefined, 2));
