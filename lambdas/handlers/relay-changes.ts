import { relayChanges, type RelayServices } from '../authority/relay-changes.ts';
import { eventBridge } from '../aws/eventbridge-client.ts';
import { putEvents } from '../aws/event-bus.ts';
import { sendMessages } from '../aws/message-queue.ts';
import { readChange } from '../aws/outbox-stream.ts';
import { sqs } from '../aws/sqs-client.ts';
import { environment } from './environment.ts';
import { registryConsumer } from './registry-consumer.ts';
import { once } from './services.ts';

const relayServices = once((): RelayServices => {
  const retirementQueue = { client: sqs(), queueUrl: environment('retirementQueueUrl') };
  const bus = { client: eventBridge(), eventBusName: environment('eventBusName') };
  return {
    sendEnds: (ends) => sendMessages(retirementQueue, ends),
    publish: (announcements) => putEvents(bus, announcements),
  };
});

/** Consumes the registry's stream: takes what was changed to where it is heard of. */
export const handler = registryConsumer('relay-changes', readChange, (changes) => relayChanges(relayServices(), changes));
