import fc from 'fast-check';

/*
 * What several clients are to do at the same time, and what is to go wrong on the way: plain data, so that a seed says all of it, a failure
 * shows it, and fast-check can leave out what the failure does not need. Agents, certificates and webhooks are meant by numbers, which
 * count those that the clients know of at that moment, from the latest one.
 */

/**
 * How a request is sent: once; under an Idempotency-Key and once more when it is answered; twice at once under the same key; without
 * waiting for the answer; or the same, and then repeated under its key.
 */
export const deliveries = ['once', 'repeated', 'twins', 'unheard', 'impatient'] as const;
export type Delivery = (typeof deliveries)[number];

type Target = { readonly agent: number; readonly delivery: Delivery };

export type Command =
  | { readonly kind: 'register'; readonly delivery: Delivery }
  | (Target & { readonly kind: 'edit'; readonly field: 'name' | 'description'; readonly text: string })
  | (Target & { readonly kind: 'set status'; readonly status: 'pending' | 'active' | 'suspended' | 'retired' })
  | (Target & { readonly kind: 'retire' | 'halt' | 'sign' })
  | (Target & { readonly kind: 'certify'; readonly grantee: boolean })
  | (Target & { readonly kind: 'renew' | 'revoke'; readonly certificate: number })
  | (Target & { readonly kind: 'report event'; readonly severe: boolean })
  | (Target & { readonly kind: 'report score'; readonly score: number; readonly secondsAgo: number })
  | { readonly kind: 'write risk record'; readonly agent: number; readonly score: number; readonly secondsAgo: number }
  | { readonly kind: 'read agent' | 'read risk' | 'list certificates' | 'list events' | 'read audit log' | 'verify message'; readonly agent: number }
  | { readonly kind: 'verify' | 'read certificate'; readonly agent: number; readonly certificate: number }
  | { readonly kind: 'list agents'; readonly status: 'active' | 'suspended' | null }
  | { readonly kind: 'create webhook'; readonly delivery: Delivery }
  | { readonly kind: 'delete webhook' | 'edit webhook'; readonly webhook: number; readonly delivery: Delivery }
  | { readonly kind: 'read webhook'; readonly webhook: number }
  | { readonly kind: 'list webhooks' }
  | { readonly kind: 'intrude'; readonly agent: number; readonly door: number };

/** What the service asks of DynamoDB and KMS, by the names of faults-requests.ts, where something may go wrong. */
export const faultyRequests = [
  'findApiKey', 'readAgent', 'readCertificate', 'reserve', 'noteLeaseKey', 'transaction', 'releaseLease', 'putRiskRecord', 'noteRiskScore', 'createKey', 'getPublicKey', 'sign', 'scheduleKeyDeletion', 'createGrant',
] as const;

export interface PlannedFault {
  readonly request: (typeof faultyRequests)[number];
  readonly fault: 'not performed' | 'answer lost' | 'answer torn' | 'throttled' | 'late';
  /** The first request that it strikes, counted from 1, and how many. The SDK asks three times, so three in a row are not made good. */
  readonly first: number;
  readonly times: number;
}

export interface Program {
  /** How many agents there are at the beginning. */
  readonly agents: number;
  /** What each client does, one thing after the other. */
  readonly clients: readonly (readonly Command[])[];
  readonly faults: readonly PlannedFault[];
}

const number = fc.nat(5);
/** Mostly the latest. */
const latest = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: number });
const delivery = fc.oneof(
  { weight: 8, arbitrary: fc.constant('once' as const) },
  { weight: 4, arbitrary: fc.constantFrom(...deliveries) },
);
const target = { agent: number, delivery };
// A threshold either side, and on it.
const score = fc.constantFrom(0.1, 0.84, 0.8499, 0.85, 0.86, 0.99, 1);
// Now; as long ago as a client's last certificates; before everything; and in the future, which counts as now.
const secondsAgo = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.integer({ min: 0, max: 1000 }).map((milliseconds) => milliseconds / 1000) }, { weight: 3, arbitrary: fc.constantFrom(5, 30, 86_400, -86_400) });

const kindOf = <Kind extends string>(...kinds: Kind[]) => fc.constantFrom(...kinds);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 14, arbitrary: fc.record({ kind: kindOf('certify'), ...target, grantee: fc.nat(5).map((nth) => nth === 0) }) },
  { weight: 14, arbitrary: fc.record({ kind: kindOf('renew', 'revoke'), ...target, certificate: latest }) },
  { weight: 10, arbitrary: fc.record({ kind: kindOf('sign', 'sign', 'halt'), ...target }) },
  { weight: 1, arbitrary: fc.record({ kind: kindOf('retire'), ...target }) },
  { weight: 6, arbitrary: fc.record({ kind: kindOf('set status'), ...target, status: fc.oneof({ weight: 12, arbitrary: fc.constantFrom('suspended' as const, 'pending' as const) }, { weight: 1, arbitrary: fc.constantFrom('active' as const, 'retired' as const) }) }) },
  { weight: 5, arbitrary: fc.record({ kind: kindOf('edit'), ...target, field: kindOf('name', 'description'), text: fc.stringMatching(/^[a-z]{1,6}$/) }) },
  { weight: 10, arbitrary: fc.record({ kind: kindOf('report event'), ...target, severe: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: kindOf('report score'), ...target, score, secondsAgo }) },
  { weight: 6, arbitrary: fc.record({ kind: kindOf('write risk record'), agent: number, score, secondsAgo }) },
  { weight: 14, arbitrary: fc.record({ kind: kindOf('verify', 'verify', 'read certificate'), agent: number, certificate: latest }) },
  { weight: 10, arbitrary: fc.record({ kind: kindOf('verify message', 'read agent', 'list certificates'), agent: number }) },
  { weight: 4, arbitrary: fc.record({ kind: kindOf('read risk', 'list events', 'read audit log'), agent: number }) },
  { weight: 2, arbitrary: fc.record({ kind: kindOf('list agents'), status: fc.constantFrom('active' as const, 'suspended' as const, null) }) },
  { weight: 2, arbitrary: fc.record({ kind: kindOf('register'), delivery }) },
  { weight: 2, arbitrary: fc.record({ kind: kindOf('create webhook'), delivery }) },
  { weight: 4, arbitrary: fc.record({ kind: kindOf('delete webhook', 'edit webhook'), webhook: number, delivery }) },
  { weight: 2, arbitrary: fc.oneof(fc.record({ kind: kindOf('read webhook'), webhook: number }), fc.record({ kind: kindOf('list webhooks') })) },
  { weight: 4, arbitrary: fc.record({ kind: kindOf('intrude'), agent: number, door: fc.nat(15) }) },
);

const fault: fc.Arbitrary<PlannedFault> = fc.record({
  request: fc.constantFrom(...faultyRequests),
  fault: kindOf('not performed', 'answer lost', 'answer lost', 'answer torn', 'throttled', 'late'),
  first: fc.integer({ min: 1, max: 8 }),
  times: fc.integer({ min: 1, max: 8 }),
});

/** Few agents, so that the clients are in each other's way. In one program of three things go wrong. */
export const programs: fc.Arbitrary<Program> = fc.record({
  agents: fc.integer({ min: 1, max: 3 }),
  clients: fc.array(fc.array(command, { minLength: 4, maxLength: 16, size: 'max' }), { minLength: 2, maxLength: 5, size: 'max' }),
  faults: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(fault, { minLength: 1, maxLength: 6, size: 'max' }) }),
});
