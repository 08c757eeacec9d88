import { addressWindowSeconds, publicPathPattern, type AddressLimits } from '../../lambdas/rate-limits.ts';
import { networkOf } from './address-network.ts';
import { problemAnswer } from './answer.ts';
import type { Site } from './site.ts';

/** Requests are counted by slots, and a slot as a whole until its last request is out of the window. */
const slotMilliseconds = 5000;
const windowMilliseconds = addressWindowSeconds * 1000;

interface Slot {
  readonly number: number;
  requests: number;
  publicRequests: number;
}

const publicPath = new RegExp(publicPathPattern);

/**
 * What the deployed stack has a firewall for, in front of the API: so many requests of one address within the window, and fewer of those that
 * need no key. An address is that of the connection, never one that a header names; IPv6 addresses of one network count as one. What is refused
 * does not count.
 * @param now milliseconds of a clock that never goes back
 */
export function limitAddresses(site: Site, limits: AddressLimits, now: () => number = () => performance.now()): Site {
  const addresses = new Map<string, Slot[]>();
  let sweptAt = now();

  /** Forgets what is out of the window; addresses that have been quiet for that long leave nothing behind. */
  function sweep(time: number): void {
    if (time - sweptAt < windowMilliseconds) return;
    sweptAt = time;
    for (const [address, slots] of addresses) if (slots.every((slot) => endOf(slot) <= time)) addresses.delete(address);
  }

  return async (visit) => {
    const time = now();
    sweep(time);
    const address = networkOf(visit.request.socket.remoteAddress ?? '');
    const isPublic = publicPath.test(decoded(visit.path));
    const slots = (addresses.get(address) ?? []).filter((slot) => endOf(slot) > time);
    const readmittedAt = Math.max(
      whenBelow(limits.requests, slots, ({ requests }) => requests),
      isPublic ? whenBelow(limits.publicRequests, slots, ({ publicRequests }) => publicRequests) : 0,
    );
    if (readmittedAt > time) {
      return problemAnswer('rateLimited', visit.requestId, { 'retry-after': String(Math.ceil((readmittedAt - time) / 1000)) });
    }
    const number = Math.floor(time / slotMilliseconds);
    const last = slots.at(-1);
    const current = last?.number === number ? last : { number, requests: 0, publicRequests: 0 };
    if (current !== last) slots.push(current);
    current.requests += 1;
    if (isPublic) current.publicRequests += 1;
    addresses.set(address, slots);
    return site(visit);
  };
}

/** When the last request of a slot is out of the window. */
const endOf = ({ number }: Slot) => (number + 1) * slotMilliseconds + windowMilliseconds;

/** The moment from which fewer than `limit` count: 0 where it is so already. */
function whenBelow(limit: number, slots: readonly Slot[], countOf: (slot: Slot) => number): number {
  let left = slots.reduce((sum, slot) => sum + countOf(slot), 0);
  let moment = 0;
  for (const slot of slots) {
    if (left < limit) break;
    left -= countOf(slot);
    moment = endOf(slot);
  }
  return moment;
}

/** API Gateway routes by the decoded path; one that cannot be decoded leads nowhere. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
