import type { KMSClient } from '@aws-sdk/client-kms';

/**
 * Has `throttled` told of each request that KMS throttles, by its operation, such as `CreateKey`. The SDK repeats some of them, and
 * whoever called it hears of the last attempt only.
 * https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html
 */
export function onThrottle(client: KMSClient, throttled: (operation: string) => void): void {
  client.middlewareStack.add((next, { commandName = '' }) => async (args) => {
    try {
      return await next(args);
    } catch (error) {
      if ((error as Error).name === 'ThrottlingException') throttled(commandName.replace(/Command$/, ''));
      throw error;
    }
    // Last in its step, and so behind the repetitions.
  }, { step: 'deserialize', priority: 'high', name: 'onThrottle' });
}
