import { randomBytes } from 'node:crypto';
import { formatApiKey } from '../../lambdas/authority/api-key.ts';
import { ocspUrl } from '../../lambdas/pki/distribution-urls.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { startRuntime, type Runtime, type RuntimeOptions } from '../../local/runtime.ts';
import { recordAwsCalls, type AwsCallRecorder } from './aws-calls.ts';
import { load, type Load } from './load.ts';

type Data = Readonly<Record<string, unknown>>;

export interface IssuedCertificate {
  readonly id: string;
  readonly agentId: string;
  readonly serialNumber: string;
}

/** The service under measurement: in memory, in this process. */
export interface Service {
  readonly runtime: Runtime;
  readonly awsCalls: AwsCallRecorder;
  /** Sends a request with the tenant's key and insists on the status. */
  request(status: number, method: 'GET' | 'POST', path: string, body?: object): Promise<Data>;
  createAgents(count: number): Promise<string[]>;
  certify(agentId: string): Promise<IssuedCertificate>;
  /** What is at a URL that a certificate names; insists on 200. */
  download(url: string): Promise<Uint8Array>;
  /** DER. */
  issuingCertificate(): Promise<Uint8Array>;
  /** Sends an OCSP request to the URL that certificates name, and answers the response's DER. */
  askOcsp(method: 'GET' | 'POST', requestDer: Uint8Array): Promise<Uint8Array>;
  /** Active certificates, left by an earlier measurement or issued now: `count`, or as many as could be issued in time. */
  certificates(count: number, limits: Load): Promise<IssuedCertificate[]>;
  /** The same, to be revoked: nobody else gets them. */
  takeCertificates(count: number, limits: Load): Promise<IssuedCertificate[]>;
}

/** Starts it. Only the bench's own requests reach it. */
export async function startService(signal: AbortSignal, options: Partial<RuntimeOptions> = {}): Promise<Service> {
  const key = formatApiKey('test', randomBytes(32));
  const runtime = await startRuntime({ tenants: [{ name: 'bench', key }], signal, rateLimits: 'off', ...options });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const active: IssuedCertificate[] = [];

  async function request(status: number, method: 'GET' | 'POST', path: string, body?: object): Promise<Data> {
    const response = await fetch(`${runtime.url}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (response.status !== status) throw new Error(`${method} ${path} answered ${response.status} where ${status} was due: ${text}`);
    return (JSON.parse(text) as { data?: Data }).data ?? {};
  }

  async function createAgents(count: number): Promise<string[]> {
    const agents = Array.from({ length: count }, (_, index) => request(201, 'POST', '/agents', agentProfile(index)));
    return (await Promise.all(agents)).map(({ id }) => id as string);
  }

  async function certify(agentId: string): Promise<IssuedCertificate> {
    const { id, serial_number: serialNumber } = await request(201, 'POST', `/agents/${agentId}/certify`);
    const certificate = { id: id as string, agentId, serialNumber: serialNumber as string };
    active.push(certificate);
    return certificate;
  }

  async function certificates(count: number, limits: Load): Promise<IssuedCertificate[]> {
    const agents = await createAgents(Math.max(0, count - active.length));
    await load((index) => certify(agents[index] ?? ''), { ...limits, maximum: agents.length });
    return active.slice(0, count);
  }

  async function download(url: string, init: RequestInit = {}): Promise<Uint8Array> {
    const response = await fetch(url, init);
    if (response.status !== 200) throw new Error(`${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  return {
    runtime,
    awsCalls: recordAwsCalls(),
    request,
    createAgents,
    certify,
    download: (url) => download(url),
    // The first of the bundle.
    issuingCertificate: async () => pemToDer(Buffer.from(await download(`${runtime.url}/ca`)).toString()),
    askOcsp: (method, requestDer) => {
      const url = ocspUrl(runtime.distributionUrl);
      if (method === 'GET') return download(`${url}/${encodeURIComponent(Buffer.from(requestDer).toString('base64'))}`);
      return download(url, { method, headers: { 'content-type': 'application/ocsp-request' }, body: Uint8Array.from(requestDer) });
    },
    certificates,
    async takeCertificates(count, limits) {
      const taken = await certificates(count, limits);
      active.splice(0, taken.length);
      return taken;
    },
  };
}

function agentProfile(index: number) {
  return {
    name: `Bench agent ${index}`,
    model: 'bench',
    model_hash: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    operator_org: 'Bench Ltd',
    permitted_actions: ['market_data.read', 'order.place', 'order.cancel'],
    financial_scope: { max_single_trade_usd: 10_000, daily_limit_usd: 50_000, permitted_venues: ['XNAS', 'XNYS'] },
  };
}
