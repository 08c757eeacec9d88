// An agent orders at the gateway: gateway-client.ts <gateway URL> <agent id> <instrument> <amount in USD> [--online]
import { createHash } from 'node:crypto';
import { call } from './api.ts';

const [gateway, agentId, instrument, amount, mode] = process.argv.slice(2);
if (gateway === undefined || agentId === undefined || instrument === undefined || !(Number(amount) > 0)) {
  console.error('Usage: gateway-client.ts <gateway URL> <agent id> <instrument> <amount in USD> [--online]');
  process.exit(2);
}
// The gateway one means to talk to, and not whatever the answer to GET /nonce names.
const audience = process.env['GATEWAY_NAME'] ?? 'gateway.example';

const body = JSON.stringify({ instrument, amount_usd: Number(amount) });
const { nonce } = (await (await fetch(`${gateway}/nonce`)).json()) as { nonce: string };
const payload = { audience, nonce, method: 'POST', path: '/orders', body_sha256: createHash('sha256').update(body).digest('hex') };
const { signature, certificate_serial } = await call('POST', `/agents/${agentId}/sign`, { payload });

const headers: Record<string, string> = { 'x-kakunin-cert-serial': certificate_serial, 'x-kakunin-signature': signature, 'x-kakunin-nonce': nonce };
if (mode !== '--online') {
  // With the certificate at hand the gateway asks nobody. An agent reads it once, not for each request.
  const { certificates } = await call('GET', `/agents/${agentId}`);
  const { certificate_pem } = certificates.find(({ serial_number }: { serial_number: string }) => serial_number === certificate_serial);
  headers['x-kakunin-certificate'] = certificate_pem.replace(/-----[^-]+-----|\s/g, '');
}
const response = await fetch(`${gateway}/orders`, { method: 'POST', headers, body });
console.log(response.status, await response.text());
process.exit(response.ok ? 0 : 1);
