import { unknown } from './agent-model.ts';
import { answerTo, deliver } from './delivery.ts';
import type { Command } from './program.ts';
import { note, pick, type Scene } from './scene.ts';

type WebhookCommand = Extract<Command, { kind: 'create webhook' | 'edit webhook' | 'delete webhook' | 'read webhook' | 'list webhooks' }>;

/** Nobody is told of anything: the name exists nowhere, and none of what happens here is an expiry. */
const profile = { url: 'https://hooks.invalid/', events: ['certificate.expired'] };

let made = 0;

/** Does what a command says to a webhook of the tenant's, and notes what was seen. */
export async function actOnWebhook(scene: Scene, command: WebhookCommand): Promise<void> {
  const { webhookHistories: histories, webhooks, runtime: { call } } = scene;
  if (command.kind === 'list webhooks') return list(scene);
  if (command.kind === 'create webhook') {
    const description = `made ${++made}`;
    for (const exchange of await deliver((headers) => call('POST', '/webhooks', { body: { ...profile, description }, headers }), command.delivery, scene)) {
      const answer = answerTo(exchange);
      scene.tally(command.kind, answer);
      if (answer !== 'done') continue;
      const id = exchange.reply?.body?.data?.id as string;
      note(histories, id, exchange, { kind: 'create', answer, description });
      webhooks.push(id);
    }
    return;
  }
  const id = pick(webhooks, command.webhook);
  if (id === undefined) return;
  if (command.kind === 'read webhook') {
    const invokedAt = performance.now();
    const { status, body } = await call('GET', `/webhooks/${id}`);
    scene.tally(command.kind, status === 200 ? 'done' : String(body.code));
    if (status !== 503) note(histories, id, { invokedAt, returnedAt: performance.now() }, { kind: 'read', seen: status === 200 ? { description: body.data.description } : undefined });
    return;
  }
  const description = `edited ${++made}`;
  const [method, options] = command.kind === 'delete webhook' ? (['DELETE', {}] as const) : (['PATCH', { body: { description } }] as const);
  for (const exchange of await deliver((headers) => call(method, `/webhooks/${id}`, { ...options, headers }), command.delivery, scene)) {
    const answer = answerTo(exchange);
    scene.tally(command.kind, answer);
    note(histories, id, exchange, command.kind === 'delete webhook' ? { kind: 'delete', answer } : { kind: 'edit', answer, description });
  }
}

/** Of each webhook that was known before, the list says whether it is there. */
async function list({ webhookHistories: histories, webhooks, runtime: { call }, tally }: Scene): Promise<void> {
  const known = [...webhooks];
  const invokedAt = performance.now();
  const { status, body } = await call('GET', '/webhooks');
  tally('list webhooks', status === 200 ? 'done' : unknown);
  if (status !== 200) return;
  const found = new Map((body.data as { id: string; description: string | null }[]).map((row) => [row.id, row.description]));
  for (const id of known) {
    const description = found.get(id);
    note(histories, id, { invokedAt, returnedAt: performance.now() }, { kind: 'read', seen: description === undefined ? undefined : { description } });
  }
}

/** Takes away what is there, for a tenant may have so many and no more. */
export async function deleteWebhooks({ runtime: { call } }: Pick<Scene, 'runtime'>): Promise<void> {
  const { body } = await call('GET', '/webhooks');
  for (const { id } of body.data) await call('DELETE', `/webhooks/${id}`);
}
