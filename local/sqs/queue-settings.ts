/** A standard queue as it is to be. The defaults are those of SQS. */
export interface QueueDefinition {
  /** Letters, digits, hyphens and underscores, at most 80. */
  readonly name: string;
  /** 30 by default. */
  readonly visibilityTimeoutSeconds?: number;
  readonly delaySeconds?: number;
  /** How long a receive waits that does not say how long. */
  readonly receiveMessageWaitTimeSeconds?: number;
  /** Four days by default. */
  readonly messageRetentionPeriodSeconds?: number;
  readonly maximumMessageSizeBytes?: number;
  /** Where a message goes that was received as often as it may be, and is to be received again. */
  readonly redrive?: { readonly deadLetterQueue: string; readonly maxReceiveCount: number };
}

export type QueueSettings = Required<Omit<QueueDefinition, 'redrive'>> & Pick<QueueDefinition, 'redrive'>;

/** The largest message, and the largest sum of those in one batch. */
export const maximumMessageBytes = 1024 * 1024;

/** In which a message can be invisible, from the receive on. */
export const maximumVisibilitySeconds = 43_200;

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
const settings = {
  visibilityTimeoutSeconds: { min: 0, max: maximumVisibilitySeconds, standard: 30 },
  delaySeconds: { min: 0, max: 900, standard: 0 },
  receiveMessageWaitTimeSeconds: { min: 0, max: 20, standard: 0 },
  messageRetentionPeriodSeconds: { min: 60, max: 1_209_600, standard: 345_600 },
  maximumMessageSizeBytes: { min: 1024, max: maximumMessageBytes, standard: maximumMessageBytes },
} as const;

/** The queues by name, complete. Throws an Error that names the queue that cannot be. */
export function completeQueues(definitions: readonly QueueDefinition[]): ReadonlyMap<string, QueueSettings> {
  const queues = new Map(definitions.map((definition) => [definition.name, complete(definition)]));
  if (queues.size < definitions.length) throw new Error('Two queues have the same name: give each one of its own.');
  for (const { name, redrive } of queues.values()) {
    if (redrive === undefined) continue;
    if (!queues.has(redrive.deadLetterQueue)) throw new Error(`The dead-letter queue ${redrive.deadLetterQueue} of the queue ${name} is not among the queues: define it too.`);
    checkNumber(name, 'maxReceiveCount', redrive.maxReceiveCount, { min: 1, max: 1000 });
  }
  return queues;
}

function complete(definition: QueueDefinition): QueueSettings {
  const { name } = definition;
  if (!/^[\w-]{1,80}$/.test(name)) throw new Error(`"${name}" is no name for a queue: it takes 1 to 80 letters, digits, hyphens and underscores.`);
  const numbers = Object.entries(settings).map(([setting, { standard, ...bounds }]) => {
    const value = definition[setting as keyof typeof settings] ?? standard;
    checkNumber(name, setting, value, bounds);
    return [setting, value];
  });
  return { ...definition, ...(Object.fromEntries(numbers) as Record<keyof typeof settings, number>) };
}

function checkNumber(queue: string, setting: string, value: number, { min, max }: { min: number; max: number }): void {
  if (!Number.isInteger(value) || value < min || value > max) throw new Error(`${setting} of the queue ${queue} is ${value}: it takes a whole number from ${min} to ${max}.`);
}
