/**
 * An event as EventBridge hands it to a target.
 * https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
 */
export interface EventBridgeEvent {
  readonly version: '0';
  /** A UUID. */
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  /** ISO 8601, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: object;
}

export interface PublishedEvent {
  readonly eventBusName: string;
  readonly event: EventBridgeEvent;
}

/** Where events go, and what they are to say of it. */
export interface EventSink {
  readonly region: string;
  readonly accountId: string;
  readonly buses: ReadonlySet<string>;
  readonly clock: () => Date;
  publish(events: readonly PublishedEvent[]): void;
}
