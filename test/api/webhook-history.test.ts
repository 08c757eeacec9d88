import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DeliveryAttempt, WebhookDelivery } from '../../lambdas/authority/webhook.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { webhookDeliveries } from '../../lambdas/aws/webhook-deliveries.ts';
import { unknownId } from '../support/agents.ts';
import { expectProblem } from '../support/problems.ts';
import { caller, startTestRuntime, type Call, type TestRuntime } from '../support/runtime.ts';
import { openTables, type Tables } from '../support/tables.ts';
import { createWebhook } from '../support/webhooks.ts';

/* GET /webhooks/{id}/deliveries */

let runtime: TestRuntime;
let tables: Tables;

beforeAll(async () => {
  runtime = await startTestRuntime();
  tables = openTables(runtime);
});
afterAll(async () => {
  tables.close();
  await runtime.stop();
});

async function newTenant(): Promise<{ call: Call; tenantId: string }> {
  const tenantId = randomUUID();
  return { call: caller(runtime.url, await tables.addKey({ tenantId })), tenantId };
}

const at = (second: number) => new Date(Date.UTC(2026, 4, 17, 10, 0, second)).toISOString();
const note = (order: Pick<WebhookDelivery, 'webhookId' | 'tenantId' | 'announcement'>, outcome: Pick<WebhookDelivery, 'status' | 'nextAttemptAt'> & { attempt?: DeliveryAttempt }) =>
  webhookDeliveries({ client: dynamodb(), tableName: runtime.tableNames.registry }).note(order, outcome);
const orderOf = (webhookId: string, tenantId: string, second: number) => ({
  webhookId, tenantId, announcement: { id: randomUUID(), event: 'agent.created' as const, tenant_id: tenantId, created_at: at(second), data: { agent_id: unknownId } },
});

test('deliveries are shown with every field, attempt by attempt', async () => {
  const { call, tenantId } = await newTenant();
  const { id } = await createWebhook(call);
  const order = orderOf(id, tenantId, 0);
  await note(order, { status: 'retrying', nextAttemptAt: at(2), attempt: { attemptedAt: at(1), durationMilliseconds: 30, statusCode: 500, error: 'The receiver answered 500.' } });
  await note(order, { status: 'retrying', nextAttemptAt: at(13), attempt: { attemptedAt: at(3), durationMilliseconds: 9, error: 'The connection was refused.' } });
  const cancelled = orderOf(id, tenantId, 1);
  await note(cancelled, { status: 'cancelled' });

  const shown = ({ announcement }: typeof order) => ({ id: announcement.id, event_id: announcement.id, event: 'agent.created', created_at: announcement.created_at, payload: announcement });
  expect((await call('GET', `/webhooks/${id}/deliveries`)).body).toStrictEqual({
    data: [
      { ...shown(cancelled), status: 'cancelled', attempts: [], next_attempt_at: null },
      {
        ...shown(order), status: 'retrying', next_attempt_at: at(13), attempts: [
          { attempted_at: at(1), status_code: 500, error: 'The receiver answered 500.', duration_ms: 30 },
          { attempted_at: at(3), status_code: null, error: 'The connection was refused.', duration_ms: 9 },
        ],
      },
    ],
    meta: { limit: 20 }, pagination: { limit: 20, has_next_page: false, next_cursor: null }, has_next_page: false, next_cursor: null,
  });
});

test('deliveries come page by page, by status, and from a time back', async () => {
  const { call, tenantId } = await newTenant();
  const { id } = await createWebhook(call);
  for (let second = 0; second < 5; second++) await note(orderOf(id, tenantId, second), second % 2 === 0
    ? { status: 'delivered', attempt: { attemptedAt: at(second), durationMilliseconds: 1, statusCode: 200 } }
    : { status: 'failed', attempt: { attemptedAt: at(second), durationMilliseconds: 1, statusCode: 500, error: 'The receiver answered 500.' } });
  const seconds = async (query: string) => {
    const { status, body } = await call('GET', `/webhooks/${id}/deliveries?${query}`);
    expect([status, body.next_cursor]).toEqual([200, body.pagination.next_cursor]);
    return { seconds: body.data.map(({ created_at }: { created_at: string }) => new Date(created_at).getUTCSeconds()), next: body.next_cursor as string };
  };
  for (const name of ['cursor', 'before']) {
    const first = await seconds('limit=2');
    const second = await seconds(`limit=2&${name}=${first.next}`);
    const third = await seconds(`limit=2&${name}=${second.next}`);
    expect([first.seconds, second.seconds, third]).toEqual([[4, 3], [2, 1], { seconds: [0], next: null }]);
  }
  expect(await seconds('status=failed')).toEqual({ seconds: [3, 1], next: null });
  expect(await seconds('status=cancelled')).toEqual({ seconds: [], next: null });
  expect(await seconds(`before=${at(2)}`)).toEqual({ seconds: [1, 0], next: null });
  for (const [query, field] of [['status=pending', 'status'], ['limit=0', 'limit'], ['limit=101', 'limit']]) expectProblem(await call('GET', `/webhooks/${id}/deliveries?${query}`), 400, 'VALIDATION_FAILED', { issues: [field] });
  expectProblem(await call('GET', `/webhooks/${id}/deliveries?cursor=x`), 400, 'INVALID_CURSOR');
});

test('deliveries of a webhook that is deleted are not there for anyone', async () => {
  const { call, tenantId } = await newTenant();
  const { id } = await createWebhook(call);
  await note(orderOf(id, tenantId, 0), { status: 'cancelled' });
  await call('DELETE', `/webhooks/${id}`);
  expectProblem(await call('GET', `/webhooks/${id}/deliveries`), 404, 'WEBHOOK_NOT_FOUND');
});

test('what was delivered stays delivered, whatever becomes of an order that was sent twice', async () => {
  const { call, tenantId } = await newTenant();
  const { id } = await createWebhook(call);
  const order = orderOf(id, tenantId, 0);
  await note(order, { status: 'delivered', attempt: { attemptedAt: at(1), durationMilliseconds: 30, statusCode: 200 } });
  await note(order, { status: 'retrying', nextAttemptAt: at(3), attempt: { attemptedAt: at(2), durationMilliseconds: 9, error: 'The connection was refused.' } });
  const { body } = await call('GET', `/webhooks/${id}/deliveries?status=delivered`);
  expect(body.data).toMatchObject([{ status: 'delivered', next_attempt_at: null, attempts: [{ status_code: 200 }, { error: 'The connection was refused.' }] }]);
  expect((await call('GET', `/webhooks/${id}/deliveries?status=retrying`)).body.data).toEqual([]);
});
