// A gateway that admits agents: KAKUNIN_URL=… gateway.ts. A certificate's serial number is public and proves nothing, so a request
// is admitted for a signature over a fresh nonce of the gateway's own and over all that is to be done.
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { type Admitted, offline, online, Refusal } from './admission.ts';
import { setting } from './api.ts';
import { scopeViolation } from './financial-scope.ts';
import { createNonces } from './nonces.ts';

const url = setting('KAKUNIN_URL', 'where the API is, such as http://127.0.0.1:3000/v1');
// Whom the signature is for: without it, another gateway could pass our nonce on to an agent and use what it signs here.
const audience = process.env['GATEWAY_NAME'] ?? 'gateway.example';

// Fetched over a connection that is trusted; better, kept in a file.
const authorities = await (await fetch(`${url}/ca`, { headers: { accept: 'application/x-pem-file' } })).text();
const admit = { offline: offline(authorities, Number(process.env['CRL_SECONDS'] ?? 60)), online: online(url) };
const nonces = createNonces();

const app = express();
app.disable('x-powered-by');

app.get('/nonce', (_request, response) => {
  response.set('Cache-Control', 'no-store').json({ nonce: nonces.issue(), audience });
});

app.use(express.raw({ type: () => true, limit: '64kb' }), async (request: Request, response: Response, next: NextFunction) => {
  const [serialNumber, signature, nonce] = ['X-Kakunin-Cert-Serial', 'X-Kakunin-Signature', 'X-Kakunin-Nonce'].map((name) => request.get(name));
  if (!serialNumber || !signature || !nonce) throw new Refusal(401, 'Send X-Kakunin-Cert-Serial, X-Kakunin-Nonce from GET /nonce, and X-Kakunin-Signature over it.');
  if (!/^[0-9A-F]{32}$/.test(serialNumber)) throw new Refusal(401, 'X-Kakunin-Cert-Serial is not 32 upper-case hexadecimal digits.');
  const notFresh = () => new Refusal(401, 'The nonce is not from here, was used, or is older than 60 seconds. Get another from /nonce.');
  if (!nonces.isFresh(nonce)) throw notFresh();
  const payload = { audience, nonce, method: request.method, path: request.originalUrl, body_sha256: sha256(request.body) };
  const certificate = request.get('X-Kakunin-Certificate');
  response.locals['agent'] = await admit[certificate ? 'offline' : 'online']({ payload, signature, serialNumber, certificate });
  // Used up by agents alone; of two requests with it one fails here.
  if (!nonces.use(nonce)) throw notFresh();
  next();
});

const spent = { day: '', usdByAgent: new Map<string, number>() };

app.post('/orders', (request, response) => {
  const { agentId, permittedActions, financialScope } = response.locals['agent'] as Admitted;
  const { instrument, amount_usd: amountUsd } = parse(request.body);
  if (typeof instrument !== 'string' || typeof amountUsd !== 'number' || !(amountUsd > 0)) {
    response.status(400).json({ error: 'An order has an instrument and an amount_usd above 0.' });
    return;
  }
  if (!permittedActions.includes('trade:execute')) throw new Refusal(403, 'The agent may not trade.');
  const day = new Date().toISOString().slice(0, 10);
  if (spent.day !== day) Object.assign(spent, { day, usdByAgent: new Map() });
  const spentToday = spent.usdByAgent.get(agentId) ?? 0;
  const violation = scopeViolation(financialScope, { instrument, amountUsd }, spentToday);
  if (violation !== undefined) throw new Refusal(403, violation);
  spent.usdByAgent.set(agentId, spentToday + amountUsd);
  response.status(201).json({ agent_id: agentId, instrument, amount_usd: amountUsd });
});

app.use((error: Error & { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
  const status = error.status ?? 503;
  if (status === 401) response.set('WWW-Authenticate', 'Kakunin');
  if (status >= 500) console.error(error);
  response.status(status).json({ error: status < 500 ? error.message : 'Admission cannot be decided now. Try again.' });
});

const server = app.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => {
  console.log(`gateway http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

function sha256(body: unknown): string {
  return createHash('sha256').update(Buffer.isBuffer(body) ? body : '').digest('hex');
}

function parse(body: unknown): Record<string, unknown> {
  try {
    return Object(JSON.parse(String(body)));
  } catch {
    return {};
  }
}
