import { announcementOf, type Announcement } from './announcement.ts';
import type { AuditEntry } from './audit.ts';
import type { DeliveryQueue, SettledSend, Webhooks } from './ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';
import type { DeliveryOrder } from './webhook.ts';

export interface AnnouncementServices {
  /** Publishes what whoever runs the deployment may act upon. */
  readonly publish: SettledSend<Announcement>;
  readonly webhooks: Pick<Webhooks, 'list'>;
  readonly deliveries: DeliveryQueue;
}

const tenantsAtOnce = 8;

/**
 * Publishes what entries of the audit trail say, and orders its delivery to each webhook that is to be told.
 * @returns how each went, in the order of `entries`; of one that failed some may have heard.
 */
export async function announceEntries(services: AnnouncementServices, entries: readonly AuditEntry[]): Promise<PromiseSettledResult<void>[]> {
  const announcements = entries.flatMap((entry) => announcementOf(entry) ?? []);
  const failures = new Map<string, unknown>();
  const note = (announced: readonly Announcement[], outcomes: readonly PromiseSettledResult<unknown>[]) => {
    announced.forEach(({ id }, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'rejected') failures.set(id, outcome.reason);
    });
  };
  const tenantIds = [...new Set(announcements.map(({ tenant_id }) => tenant_id))];
  await Promise.all([
    services.publish(announcements).then((outcomes) => note(announcements, outcomes)),
    sideBySide(tenantIds, tenantsAtOnce, async (tenantId) => {
      const ofTenant = announcements.filter(({ tenant_id }) => tenant_id === tenantId);
      const [ordered] = await Promise.allSettled([orderDeliveries(services, tenantId, ofTenant)]);
      note(ofTenant, ordered.status === 'fulfilled' ? ordered.value : ofTenant.map(() => ordered));
    }),
  ]);
  return sideBySide(entries, 1, async ({ id }) => {
    if (failures.has(id)) throw failures.get(id);
  });
}

/** Answers how each announcement went, with all the webhooks that are to be told of it. */
async function orderDeliveries({ webhooks, deliveries }: AnnouncementServices, tenantId: string, announcements: readonly Announcement[]): Promise<PromiseSettledResult<unknown>[]> {
  const list = await webhooks.list(tenantId);
  const orders = announcements.flatMap((announcement) => (
    list
      .filter(({ active, events }) => active && events.includes(announcement.event))
      .map(({ id: webhookId }): DeliveryOrder => ({ webhookId, announcement, failedAttempts: 0 }))
  ));
  const outcomes = await deliveries.sendOrders(orders);
  return sideBySide(announcements, 1, async (announcement) => valuesOf(outcomes.filter((_, index) => orders[index]?.announcement === announcement)));
}
