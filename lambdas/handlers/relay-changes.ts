import { relayChanges, type RelayServices } from '../authority/relay-changes.ts';
import { auditChain } from '../aws/audit-chain.ts';
import { deliveryQueue } from '../aws/delivery-queue.ts';
import { putEvents } from '../aws/event-bus.ts';
import { eventBridge } from '../aws/eventbridge-client.ts';
import { sendMessages } from '../aws/message-queue.ts';
import { readChange } from '../aws/outbox-stream.ts';
import { sqs } from '../aws/sqs-client.ts';
import type { CertificateEnd } from '../authority/certificate-end.ts';
import { countChanges } from './change-metrics.ts';
import { environment } from './environment.ts';
import { registryConsumer } from './registry-consumer.ts';
import { once, registryTable } from './services.ts';
import { webhookServices } from './webhook-services.ts';

const relayServices = once((): RelayServices => {
  const retirementQueue = { client: sqs(), queueUrl: environment('retirementQueueUrl'), tenantOf: ({ tenantId }: CertificateEnd) => tenantId };
  const bus = { client: eventBridge(), eventBusName: environment('eventBusName') };
  return {
    sendEnds: (ends) => sendMessages(retirementQueue, ends),
    onRelayed: countChanges,
    publish: (announcements) => putEvents(bus, announcements),
    webhooks: webhookServices().webhooks,
    deliveries: deliveryQueue(sqs(), environment('deliveryQueueUrl')),
    chain: auditChain(registryTable()),
  };
});

/** Consumes the registry's stream: takes what was changed to where it is heard of. */
export const handler = registryConsumer('relay-changes', readChange, (changes) => relayChanges(relayServices(), changes));
