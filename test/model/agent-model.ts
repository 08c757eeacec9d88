import type { SequentialModel } from '../support/linearizability.ts';

/*
 * What an agent is, if everybody waits for everybody else: the whole contract of its life in one page. It has no lease, no stream and no
 * clock; the service has to look as if it had none either.
 *
 *   pending ── certify ──> active ── revoked, suspended, halted, found at risk ──> suspended ── certify ──> active
 *   any ── retired ──> retired, from which nothing returns
 */

export interface AgentState {
  readonly status: 'unregistered' | 'pending' | 'active' | 'suspended' | 'retired';
  readonly name: string;
  readonly description: string | null;
  /** The id of its one active certificate. */
  readonly active: string | null;
  /** All it ever had. */
  readonly certificates: Readonly<Record<string, CertificateState>>;
  /** Since it was halted and until it is certified or its status changes. */
  readonly halt: { readonly eventId: string | typeof unknown; readonly certificateId: string | null } | null;
  /** When the last severe risk was observed that has been acted upon: no certificate from before that may appear any more. */
  readonly judgedUntil: string;
}

export interface CertificateState {
  /** When it was issued, or the first of those that it was renewed from: what was observed of the agent since then ends it. */
  readonly since: string;
  /** Why it was revoked, for ever; null where it is active. */
  readonly revoked: string | null;
}

export const unknown = '(unknown)';

/** A refusal's code; `done` for success; `unknown` where no answer came, and the action may have been done. */
export type Answer = string;

interface Issued {
  readonly id: string;
  /** In milliseconds; the API shows the second. */
  readonly issuedAt: string;
}

/** What a client did and was answered, or what happened by itself. */
export type AgentAction =
  | { readonly kind: 'register'; readonly answer: Answer; readonly name: string; readonly description: string | null }
  | { readonly kind: 'read'; readonly seen: Pick<AgentState, 'status'> & Partial<Pick<AgentState, 'name' | 'description'>> }
  | { readonly kind: 'update'; readonly answer: Answer; readonly set: { readonly name?: string; readonly description?: string | null; readonly status?: AgentState['status'] }; readonly answered?: Pick<AgentState, 'status'> }
  | { readonly kind: 'retire'; readonly answer: Answer }
  /** `issued` is what it may have been where the outcome is unknown. `standing` is the certificate that a refusal names. */
  | { readonly kind: 'certify'; readonly answer: Answer; readonly issued: readonly Issued[]; readonly standing?: string | undefined; readonly leaseConceivable: boolean }
  | { readonly kind: 'renew'; readonly answer: Answer; readonly certificateId: string; readonly issued: readonly Issued[]; readonly standing?: string | undefined; readonly leaseConceivable: boolean }
  | { readonly kind: 'revoke'; readonly answer: Answer; readonly certificateId: string; readonly reason: string }
  | { readonly kind: 'halt'; readonly answer: Answer; readonly reason: string; readonly receipt?: { readonly eventId: string; readonly certificateId: string | null }; readonly leaseConceivable: boolean }
  | { readonly kind: 'sign'; readonly answer: Answer; readonly certificateId?: string | undefined }
  | { readonly kind: 'verify'; readonly certificateId: string; readonly seen: { readonly status: string; readonly reason?: string | null } }
  | { readonly kind: 'report event'; readonly answer: Answer }
  /** A severe risk is acted upon; it was observed at some time from `earliest` to `latest`, which are the same for all but those dated in the future. */
  | { readonly kind: 'act upon risk'; readonly earliest: string; readonly latest: string; readonly reason: string }
  /** All certificates there are, once nothing is going on any more. */
  | { readonly kind: 'list certificates'; readonly seen: Readonly<Record<string, string | null>> };

const initial: AgentState = { status: 'unregistered', name: '', description: null, active: null, certificates: {}, halt: null, judgedUntil: '' };

export type AgentModel = SequentialModel<AgentState, AgentAction>;

export const agentModel: AgentModel = {
  initial,
  isRead: ({ kind }) => ['read', 'verify', 'sign', 'report event', 'list certificates'].includes(kind),
  step(state, action) {
    switch (action.kind) {
      case 'register': return state === initial ? [{ ...initial, status: 'pending', name: action.name, description: action.description }] : [];
      case 'read': return as(state, matches(state, action.seen));
      case 'update': return update(state, action);
      case 'retire': return retire(state, action);
      case 'certify': return certify(state, action);
      case 'renew': return renew(state, action);
      case 'revoke': return revoke(state, action);
      case 'halt': return halt(state, action);
      case 'sign': return as(state, signs(state, action));
      case 'verify': return as(state, shows(state.certificates[action.certificateId], action.seen));
      case 'report event': return as(state, reports(state, action));
      case 'act upon risk': return actUponRisk(state, action);
      case 'list certificates': return as(state, JSON.stringify(revocations(state)) === JSON.stringify(sorted(action.seen)));
    }
  },
};

type Action<Kind extends AgentAction['kind']> = Extract<AgentAction, { kind: Kind }>;

/** The state as it is, if that is what was seen. */
const as = (state: AgentState, seen: boolean): AgentState[] => (seen ? [state] : []);

/** The certificate ends, and with it what the agent may do. */
function revoked(state: AgentState, certificateId: string | null, reason: string, status: AgentState['status']): AgentState {
  const certificate = certificateId === null ? undefined : state.certificates[certificateId];
  if (certificateId === null || certificate === undefined) return { ...state, status };
  return { ...state, status, active: null, certificates: { ...state.certificates, [certificateId]: { ...certificate, revoked: reason } } };
}

function issued(state: AgentState, { id }: Issued, since: string): AgentState {
  return { ...state, status: 'active', active: id, certificates: sorted({ ...state.certificates, [id]: { since, revoked: null } }) };
}

function update(state: AgentState, { answer, set, answered }: Action<'update'>): AgentState[] {
  const { status = state.status, ...profile } = set;
  switch (answer) {
    case 'AGENT_RETIRED': return as(state, state.status === 'retired');
    case 'STATUS_NOT_ALLOWED': return as(state, state.status !== 'retired' && (set.status === 'active' || (set.status === 'pending' && state.status !== 'suspended')));
    case 'AGENT_CHANGED_MEANWHILE': return [state];
    default: {
      if (state.status === 'retired' || set.status === 'active' || (set.status === 'pending' && state.status !== 'suspended')) return [];
      const ends = set.status === 'suspended' || set.status === 'retired';
      const after = { ...(ends ? revoked(state, state.active, status, status) : { ...state, status }), ...profile };
      if (answered !== undefined && !matches({ ...after }, answered)) return [];
      return [{ ...after, halt: status === state.status ? state.halt : null }];
    }
  }
}

function retire(state: AgentState, { answer }: Action<'retire'>): AgentState[] {
  switch (answer) {
    case 'AGENT_ALREADY_RETIRED': return as(state, state.status === 'retired');
    case 'AGENT_CHANGED_MEANWHILE': return [state];
    default: return state.status === 'retired' ? [] : [{ ...revoked(state, state.active, 'retired', 'retired'), halt: null }];
  }
}

function certify(state: AgentState, { answer, issued: candidates, standing, leaseConceivable }: Action<'certify'>): AgentState[] {
  switch (answer) {
    case 'AGENT_RETIRED': return as(state, state.status === 'retired');
    case 'ACTIVE_CERTIFICATE_EXISTS': return as(state, state.status !== 'retired' && state.active === standing);
    case 'ISSUANCE_IN_PROGRESS': return as(state, state.status !== 'retired' && state.active === null && leaseConceivable);
    case 'ISSUANCE_INTERRUPTED': return [state];
    default: {
      if (state.status === 'retired' || state.active !== null) return [];
      return candidates.filter(({ id, issuedAt }) => state.certificates[id] === undefined && issuedAt > state.judgedUntil).map((certificate) => ({ ...issued(state, certificate, certificate.issuedAt), halt: null }));
    }
  }
}

function renew(state: AgentState, { answer, certificateId, issued: candidates, standing, leaseConceivable }: Action<'renew'>): AgentState[] {
  const isActive = state.active === certificateId;
  switch (answer) {
    case 'AGENT_RETIRED': return as(state, state.status === 'retired');
    case 'CERTIFICATE_ALREADY_REVOKED': return as(state, state.status !== 'retired' && !isActive && state.active === (standing ?? null));
    case 'ISSUANCE_IN_PROGRESS': return as(state, isActive && leaseConceivable);
    case 'ISSUANCE_INTERRUPTED': return [state];
    default: {
      const { since } = state.certificates[certificateId] ?? {};
      if (!isActive || since === undefined) return [];
      return candidates.filter(({ id }) => state.certificates[id] === undefined).map((certificate) => issued(revoked(state, certificateId, 'superseded', 'active'), certificate, since));
    }
  }
}

function revoke(state: AgentState, { answer, certificateId, reason }: Action<'revoke'>): AgentState[] {
  const certificate = state.certificates[certificateId];
  if (answer === 'CERTIFICATE_ALREADY_REVOKED') return as(state, typeof certificate?.revoked === 'string');
  // There is none that is active and not its agent's.
  return state.active === certificateId ? [revoked(state, certificateId, reason, 'suspended')] : [];
}

function halt(state: AgentState, { answer, reason, receipt, leaseConceivable }: Action<'halt'>): AgentState[] {
  switch (answer) {
    case 'AGENT_ALREADY_RETIRED': return as(state, state.status === 'retired');
    case 'AGENT_CHANGED_MEANWHILE': return [state];
    default: {
      if (state.status === 'retired') return [];
      const possible: AgentState[] = [];
      const { eventId = unknown, certificateId = null } = receipt ?? {};
      const isHalted = state.status === 'suspended' && state.halt !== null;
      // Halted already: the receipt of the same event.
      if (state.halt !== null && isHalted && (receipt === undefined || ((state.halt.eventId === eventId || state.halt.eventId === unknown) && state.halt.certificateId === certificateId))) {
        possible.push({ ...state, halt: { eventId, certificateId: state.halt.certificateId } });
      }
      // Halted anew; of one that is halted already, only to break off an issuance.
      if ((!isHalted || leaseConceivable) && state.halt?.eventId !== eventId && (receipt === undefined || certificateId === state.active)) {
        possible.push({ ...revoked(state, state.active, reason, 'suspended'), halt: { eventId, certificateId: state.active } });
      }
      return possible;
    }
  }
}

function signs({ status, active }: AgentState, { answer, certificateId }: Action<'sign'>): boolean {
  switch (answer) {
    case 'AGENT_RETIRED': return status === 'retired';
    case 'AGENT_SUSPENDED': return status === 'suspended';
    case 'CERTIFICATE_NOT_ACTIVE': return status === 'pending';
    default: return active !== null && (certificateId === undefined || active === certificateId);
  }
}

function reports({ status }: AgentState, { answer }: Action<'report event'>): boolean {
  switch (answer) {
    case 'AGENT_RETIRED': return status === 'retired';
    case 'AGENT_SUSPENDED': return status === 'suspended';
    default: return status === 'pending' || status === 'active';
  }
}

/** Revokes the certificate that was active when the risk was observed, or was renewed from it since; one issued later stays. */
function actUponRisk(state: AgentState, { earliest, latest, reason }: Action<'act upon risk'>): AgentState[] {
  const { since } = (state.active === null ? undefined : state.certificates[state.active]) ?? {};
  const after = { ...state, judgedUntil: earliest > state.judgedUntil ? earliest : state.judgedUntil };
  const stopped = revoked(after, state.active, reason, 'suspended');
  if (since === undefined || since > latest) return [after];
  return since <= earliest ? [stopped] : [stopped, after];
}

const shows = (certificate: CertificateState | undefined, { status, reason }: Action<'verify'>['seen']): boolean =>
  certificate !== undefined && status === (certificate.revoked === null ? 'active' : 'revoked') && (reason === undefined || reason === certificate.revoked);

const matches = (state: AgentState, seen: Partial<AgentState>): boolean =>
  Object.entries(seen).every(([name, value]) => value === undefined || state[name as keyof AgentState] === value);

const revocations = ({ certificates }: AgentState) => Object.fromEntries(Object.entries(sorted(certificates)).map(([id, { revoked: reason }]) => [id, reason]));

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
