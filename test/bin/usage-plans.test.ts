import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { hasApiGateway } from '../../bin/admin/usage-plans.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { startUsagePlanService, type UsagePlanService } from '../support/usage-plan-service.ts';
import { admin, adminJson } from './admin-program.ts';

/* A tenant is let in by API Gateway once it is in a usage plan: the admin program's part of that, against API Gateway's control plane on the wire. */

let runtime: TestRuntime;
let service: UsagePlanService;

beforeAll(async () => {
  runtime = await startTestRuntime();
});
afterAll(() => runtime.stop());
beforeEach(async () => {
  service = await startUsagePlanService(['other/standard', 'local/standard', 'local/large']);
  process.env['AWS_ENDPOINT_URL_API_GATEWAY'] = service.endpoint;
});
afterEach(async () => {
  delete process.env['AWS_ENDPOINT_URL_API_GATEWAY'];
  await service.close();
});

const planOf = (tenantId: string) => Object.entries(service.members()).filter(([, members]) => members.includes(tenantId)).map(([plan]) => plan);
const tenants = async (): Promise<{ id: string; plan?: string | null }[]> => adminJson('tenant', 'list');

describe('a new tenant', () => {
  test('is in the standard plan, under its id, and the list says so', async () => {
    const { id, plan } = await adminJson('tenant', 'create', 'Acme');
    expect(plan).toBe('standard');
    expect(service.members()).toEqual({ 'other-standard': [], 'local-standard': [id], 'local-large': [] });
    expect((await tenants()).find((tenant) => tenant.id === id)).toMatchObject({ plan: 'standard' });
    expect((await admin('tenant', 'list')).out).toMatch(new RegExp(`^TENANT +CREATED +PLAN +NAME\n[^]*^${id} {2}[\\d-]{10} {2}standard {2}Acme$`, 'm'));
  });

  test('is in the plan that was named, of the deployment that was named', async () => {
    const large = await adminJson('tenant', 'create', 'Globex', '--plan', 'large');
    const other = await adminJson('tenant', 'create', 'Initech', '--deployment', 'other');
    expect(service.members()).toEqual({ 'other-standard': [other.id], 'local-standard': [], 'local-large': [large.id] });
  });

  test.each([
    ['There is no usage plan of that name', ['--plan', 'huge'], 'Deployment "local" has no usage plan "huge": it is one of large, standard.'],
    ['There is no such deployment', ['--deployment', 'elsewhere'], 'API Gateway has no usage plan of a deployment "elsewhere": deploy it, or say with --deployment or DEPLOYMENT what it is called.'],
  ])('is not made at all: %s', async (_, options, sentence) => {
    const before = await tenants();
    expect(await admin('tenant', 'create', 'Nobody', ...options)).toEqual({ status: 1, out: '', error: `${sentence}\n` });
    expect(await tenants()).toEqual(before);
  });

  test('is not made at all where API Gateway refuses, and the sentence says who refused', async () => {
    const before = await tenants();
    service.failNext('POST', '/keys', 'AccessDeniedException');
    expect(await admin('tenant', 'create', 'Nobody')).toEqual({ status: 1, out: '', error: 'AWS refused these credentials for the usage plans (AccessDeniedException): use some that may read and write it.\n' });
    expect(await tenants()).toEqual(before);
  });

  test.each(['TooManyRequestsException', 'InternalFailure'])('is in its plan once, though API Gateway did what it answered %s to', async (type) => {
    service.failNext('POST', '/apikeys', type, { afterwards: true });
    const first = await adminJson('tenant', 'create', 'Twice');
    service.failNext('POST', '/keys', type, { afterwards: true });
    const second = await adminJson('tenant', 'create', 'Twice');
    expect(service.members()).toMatchObject({ 'local-standard': [first.id, second.id] });
  });
});

describe('another plan', () => {
  test('takes the tenant out of the one before, and again changes nothing', async () => {
    const { id } = await adminJson('tenant', 'create', 'Growing');
    expect(await adminJson('tenant', 'plan', id, '--plan', 'large')).toMatchObject({ id, plan: 'large' });
    expect(planOf(id)).toEqual(['local-large']);
    service.takeCalls();
    await adminJson('tenant', 'plan', id, '--plan', 'large');
    expect(service.takeCalls().filter((call) => !call.startsWith('GET'))).toEqual([]);
    expect((await admin('tenant', 'plan', id.toUpperCase(), '--plan', 'standard')).out).toBe('Tenant Growing is in the usage plan standard. API Gateway may take a minute to go by it.\n');
    expect(planOf(id)).toEqual(['local-standard']);
  });

  test('that was broken off half-way is gone on with', async () => {
    const { id } = await adminJson('tenant', 'create', 'Interrupted');
    service.failNext('POST', '/keys', 'AccessDeniedException');
    expect((await admin('tenant', 'plan', id, '--plan', 'large')).status).toBe(1);
    expect(planOf(id)).toEqual([]);
    expect((await tenants()).find((tenant) => tenant.id === id)).toMatchObject({ plan: null });
    await adminJson('tenant', 'plan', id, '--plan', 'large');
    expect(planOf(id)).toEqual(['local-large']);
  });

  test('that there is not leaves the tenant in its own', async () => {
    const { id } = await adminJson('tenant', 'create', 'Staying');
    expect(await admin('tenant', 'plan', id, '--plan', 'huge')).toMatchObject({ status: 1, error: expect.stringContaining('has no usage plan "huge"') });
    expect(planOf(id)).toEqual(['local-standard']);
  });
});

test('Repairing puts tenants of before into the standard plan, leaves others alone, and has nothing to do again', async () => {
  const { id: large } = await adminJson('tenant', 'create', 'Large', '--plan', 'large');
  const before = (await tenants()).filter(({ plan }) => plan === null).map(({ id }) => id);
  expect(before).toEqual(expect.arrayContaining(runtime.tenants.map(({ id }) => id)));
  const { status, out, error } = await admin('tenant', 'repair');
  expect([status, out]).toEqual([0, `${before.length} tenants were in no usage plan. API Gateway may take a minute to let them in.\n`]);
  expect(error.trimEnd().split('\n')).toHaveLength(before.length);
  expect((await tenants()).filter(({ id }) => id !== large).map(({ plan }) => plan)).toEqual(before.map(() => 'standard'));
  expect(planOf(large)).toEqual(['local-large']);
  expect(await admin('tenant', 'repair')).toEqual({ status: 0, out: 'Every tenant is in a usage plan.\n', error: '' });
});

describe('where there is no API Gateway', () => {
  test('nothing is said of plans, and nothing is missing', async () => {
    delete process.env['AWS_ENDPOINT_URL_API_GATEWAY'];
    expect(Object.keys(await adminJson('tenant', 'create', 'Local')).sort()).toEqual(['created_at', 'id', 'name']);
    expect((await admin('tenant', 'list')).out).toMatch(/^TENANT +CREATED +NAME\n/);
    expect(await admin('tenant', 'repair')).toMatchObject({ status: 0, error: '' });
    expect(await admin('tenant', 'create', 'Local', '--plan', 'large')).toMatchObject({ status: 1, error: expect.stringContaining('There are no usage plans to choose from here') });
    expect(service.takeCalls()).toEqual([]);
  });

  test.each([
    [true, 'on AWS', {}],
    [true, 'on AWS, with an endpoint in a VPC for the tables', { AWS_ENDPOINT_URL_DYNAMODB: 'https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com' }],
    [true, 'an emulator of all of AWS', { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }],
    [false, 'npm start', { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000' }],
  ])('is told by the environment: %s, %s', (expected, _, environment) => {
    expect(hasApiGateway(environment)).toBe(expected);
  });
});
