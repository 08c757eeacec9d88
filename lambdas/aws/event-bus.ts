import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { Announcement } from '../authority/announcement.ts';
import { sendInParts } from './parts.ts';

export interface EventBus {
  readonly client: EventBridgeClient;
  readonly eventBusName: string;
}

/** What rules match by, beside the event's name as the detail-type. */
export const eventSource = 'kakunin';

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
const eventsPerRequest = 10;

/**
 * Publishes the announcements, each as the detail of an event.
 * @returns how each went, in the order of `announcements`. One that failed may be published all the same, its answer lost.
 */
export function putEvents({ client, eventBusName }: EventBus, announcements: readonly Announcement[]): Promise<PromiseSettledResult<void>[]> {
  return sendInParts(announcements, eventsPerRequest, async (part) => {
    const Entries = part.map((announcement) => ({
      EventBusName: eventBusName,
      Source: eventSource,
      DetailType: announcement.event,
      Time: new Date(announcement.created_at),
      Detail: JSON.stringify(announcement),
    }));
    const results = (await client.send(new PutEventsCommand({ Entries }))).Entries ?? [];
    return part.map((_, index) => {
      const { EventId, ErrorCode, ErrorMessage } = results[index] ?? {};
      return EventId === undefined ? new Error(`EventBridge did not take the event: ${[ErrorCode, ErrorMessage].filter(Boolean).join(', ')}.`) : undefined;
    });
  });
}
