import { parseUrl } from '../../lambdas/pki/url.ts';
import type { Input } from '../aws-json/input.ts';
import { SqsError } from './errors.ts';
import { requiredText } from './input.ts';
import type { QueueSettings } from './queue-settings.ts';
import type { QueueStore } from './queue-store.ts';

/** The queue that the member `QueueUrl` names. Only its path counts: the host is whatever the client has come by. */
export function queueOf(store: QueueStore, input: Input): QueueSettings {
  const text = requiredText(input, 'QueueUrl');
  const url = parseUrl(text);
  if (url === undefined) throw new SqsError('InvalidAddress', `The address ${text} is not valid for this endpoint.`);
  const [, accountId, name, ...rest] = url.pathname.split('/');
  return findQueue(store, rest.length === 0 ? name : undefined, accountId);
}

/** The queue of this name; QueueDoesNotExist if it is not there, or another account's. */
export function findQueue(store: QueueStore, name: string | undefined, accountId: string | undefined): QueueSettings {
  const settings = name === undefined || accountId !== store.owner.accountId ? undefined : store.settings.get(name);
  if (settings === undefined) throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.');
  return settings;
}

/** As GetQueueUrl answers. */
export function queueUrl({ accountId }: QueueStore['owner'], endpoint: string, name: string): string {
  return `${endpoint}/${accountId}/${name}`;
}
