import { list, members, required, text, wholeNumber, type Input } from '../aws-json/input.ts';
import { KmsError } from './errors.ts';
import { keyReference } from './input.ts';
import { requireNotPendingDeletion } from './key.ts';
import type { KeyStore } from './key-store.ts';
import { page } from './paging.ts';

const maximumTags = 50;
// AWS General Reference, "Tag naming limits and requirements".
const allowedCharacters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** KMS API Reference, TagResource: adds tags or replaces their values. */
export async function tagResource(keys: KeyStore, input: Input): Promise<void> {
  const added = readTags(input);
  await keys.change(keyReference(input), (key) => {
    requireNotPendingDeletion(key);
    return { ...key, tags: withinMaximum(new Map([...key.tags, ...added])) };
  });
}

/** KMS API Reference, UntagResource: removes tags; those the key does not have are no error. */
export async function untagResource(keys: KeyStore, input: Input): Promise<void> {
  const removed = new Set(list(input, 'TagKeys'));
  await keys.change(keyReference(input), (key) => {
    requireNotPendingDeletion(key);
    return { ...key, tags: new Map([...key.tags].filter(([tagKey]) => !removed.has(tagKey))) };
  });
}

/** KMS API Reference, ListResourceTags: at most 50 at a time. */
export function listResourceTags(keys: KeyStore, input: Input): object {
  const limit = wholeNumber(input, 'Limit', { min: 1, max: 50 }) ?? 50;
  const marker = text(input, 'Marker', { min: 1, max: 1024 });
  const { tags } = keys.find(keyReference(input));
  const { items, nextMarker } = page([...tags], ([tagKey]) => tagKey, limit, marker);
  return {
    Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
    Truncated: nextMarker !== undefined,
    NextMarker: nextMarker,
  };
}

/** The member `Tags` of CreateKey and TagResource; TagException for what AWS does not allow in a tag. */
export function readTags(input: Input): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const element of list(input, 'Tags')) {
    const tag = members(element, 'A tag');
    const tagKey = required(text(tag, 'TagKey', { min: 1, max: 128 }), 'TagKey');
    const tagValue = required(text(tag, 'TagValue', { max: 256 }), 'TagValue');
    if (/^aws:/i.test(tagKey)) throw new KmsError('TagException', 'aws: prefixed tag key names are not allowed for external use.');
    if (!allowedCharacters.test(tagKey + tagValue)) throw new KmsError('TagException', `The tag '${tagKey}' has characters that tags may not have.`);
    if (tags.has(tagKey)) throw new KmsError('TagException', `Duplicate tag keys: '${tagKey}'.`);
    tags.set(tagKey, tagValue);
  }
  return withinMaximum(tags);
}

function withinMaximum(tags: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (tags.size > maximumTags) throw new KmsError('TagException', `Too many tags: a key has at most ${maximumTags}.`);
  return tags;
}
