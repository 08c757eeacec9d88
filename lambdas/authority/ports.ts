import type { ActiveCertificate, Agent, AgentProfile, AgentStatus, Halt, Lease } from './agent.ts';
import type { Actor, AuditEntry, AuditEventType } from './audit.ts';
import type { Certificate, CertificateStatus } from './certificate.ts';
import type { CertificateEnd, EndingCertificate } from './certificate-end.ts';
import type { ChainLink, ChainPosition } from './chain-link.ts';
import type { ReasonCode } from './revocation-reasons.ts';
import type { ActionType, RiskBand } from './risk-assessment.ts';
import type { RollUp } from './risk-roll-up.ts';
import type { DeliveryAttempt, DeliveryOrder, Webhook, WebhookDelivery } from './webhook.ts';

/*
 * What the use cases need from the outside world. lambdas/aws implements it; the use cases stand below it and so cannot
 * import it. Each write is one DynamoDB request with its conditions, and says as a value, not as an exception, whether
 * the conditions held: deciding what that means is the use cases' work. Dependency trouble is a Refusal
 * (REGISTRY_UNAVAILABLE, KMS_UNAVAILABLE, KMS_CREDENTIALS_NOT_CONFIGURED).
 */

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
}

/** How a revocation is recorded. */
export interface Revocation {
  readonly revokedAt: string;
  readonly reason: string;
  readonly reasonCode: ReasonCode;
  /** Of the halt that it is part of. */
  readonly haltEventId?: string;
}

/** A change to an agent, all of it or nothing. */
export interface AgentChange {
  readonly agent: Agent;
  /** New values; `undefined` removes the attribute. */
  readonly set: { readonly [Field in keyof AgentProfile]?: AgentProfile[Field] | undefined } & { readonly status?: AgentStatus };
  readonly updatedAt: string;
  /** Noted on the agent; without it, what was noted is over where the status changes. */
  readonly halt?: Halt;
  /** Revokes the certificate that `agent.activeCertificate` names, in the same transaction. */
  readonly revocation?: Revocation;
  readonly audit: readonly AuditEntry[];
}

export type Reservation =
  | { readonly reserved: true; readonly agent: Agent; /** Left by an issuance that never ended. */ readonly abandonedKeyArn?: string }
  | { readonly reserved: false; readonly agent: Agent | undefined };

/** What a renewal writes beside the new certificate. */
export interface Renewal {
  /** The instant of issuance, in milliseconds. */
  readonly issuedAt: string;
  readonly superseded: ActiveCertificate & EndingCertificate;
  readonly revocation: Revocation;
  readonly audit: readonly AuditEntry[];
}

export interface Registry {
  getAgent(agentId: string): Promise<Agent | undefined>;
  createAgent(agent: Agent, audit: AuditEntry): Promise<void>;
  /** False where the agent's status, active certificate or lease is no longer what `change.agent` says. */
  updateAgent(change: AgentChange): Promise<boolean>;
  listAgents(tenantId: string, query: { status?: AgentStatus | undefined; limit: number; offset: number; cursor?: string | undefined }): Promise<Page<Agent>>;
  countAgents(tenantId: string, status?: AgentStatus): Promise<number>;
  /** Writes that this risk record reached the threshold; once, however often it is asked to. */
  recordRiskAlert(recordId: string, audit: AuditEntry): Promise<void>;
  /** Sets the score an agent is shown with. */
  noteRiskScore(agentId: string, riskScore: number, observedAt: string): Promise<void>;

  /** Takes the agent's lease: one conditional write, on which every issuance of the agent depends. */
  reserveIssuance(agentId: string, tenantId: string, lease: Lease): Promise<Reservation>;
  /** The same for the renewal of this certificate, on condition that it is the active one. */
  reserveRenewal(certificate: Certificate, lease: Lease): Promise<Reservation>;
  /** Writes the new key's ARN onto the lease. */
  noteLeaseKey(agentId: string, leaseId: string, keyArn: string): Promise<void>;
  /** After this the lease's issuance cannot be committed any more. `keyArn` stays noted until `forgetLease`. */
  releaseLease(agentId: string, lease: Lease): Promise<void>;
  forgetLease(agentId: string, leaseId: string): Promise<void>;
  /** Forgets a lease that has ended by `now`, whether it was released or not: after this its issuance cannot be committed. */
  forgetDeadLease(agentId: string, leaseId: string, now: string): Promise<void>;
  /** False where the lease is no longer ours; then nothing was written. */
  commitIssuance(certificate: Certificate, issuedAt: string, audit: AuditEntry): Promise<boolean>;
  /** The same in the place of the active certificate, which it revokes; false also where that is no longer the active one. */
  commitRenewal(certificate: Certificate, renewal: Renewal): Promise<boolean>;

  getCertificate(certificateId: string): Promise<Certificate | undefined>;
  /** False where the certificate is revoked already; then nothing was written. */
  revokeCertificate(certificate: EndingCertificate, revocation: Revocation, audit: readonly AuditEntry[]): Promise<boolean>;
  /** Keeps the signature of a halt's receipt on the certificate that the halt revoked. */
  noteHaltReceipt(certificateId: string, haltEventId: string, signature: Uint8Array): Promise<void>;
  /** Writes that the certificate's key has signed something, if the certificate is active at `audit.createdAt`; false where it is not. */
  recordSignature(certificateId: string, audit: AuditEntry): Promise<boolean>;
  listCertificates(tenantId: string, query: { agentId?: string | undefined; status?: CertificateStatus | undefined; limit: number; cursor?: string | undefined; now: string }): Promise<Page<Certificate>>;

  /** @param generation of the issuing CA, or of the one whose OCSP responder it is; the first without it */
  getAuthority(role: AuthorityRole, generation?: number): Promise<Authority | undefined>;
  /** All at once and only where there are none of them; false where there are. */
  createAuthorities(authorities: readonly Authority[]): Promise<boolean>;
  /** Puts the authority in the place of `previous`, or where there is none; false where something else is there by now. */
  replaceAuthority(authority: Authority, previous: Authority | undefined): Promise<boolean>;
  /** Notes the revocation, and puts the certificate on the root's CRL; false where it is revoked already, or there is none. */
  revokeIssuingAuthority(authority: Authority, revocation: AuthorityRevocation): Promise<boolean>;
}

export type AuthorityRole = 'root' | 'issuing' | 'ocsp' | 'attestation';

/** A certificate authority, or what an issuing one has certified to answer OCSP or to attest: its certificate, and where its key is. */
export interface Authority {
  readonly role: AuthorityRole;
  /** Of issuing CAs and their OCSP responders, counted from 1 (docs/ca-rotation.md). There is one root, and one that attests. */
  readonly generation: number;
  readonly keyArn: string;
  readonly certificatePem: string;
  readonly createdAt: string;
  /** Of an issuing CA that is not to be trusted any more, nor any certificate of it. */
  readonly revocation?: AuthorityRevocation;
}

export interface AuthorityRevocation {
  readonly revokedAt: string;
  readonly reasonCode: ReasonCode;
  /** When a CRL of the root's was first published that lists it. */
  readonly publishedAt?: string;
}

export interface KeyManagement {
  /** A new RSA-2048 signing key, tagged with whose it is; answers its ARN. With a grantee, that role and no other may be granted it. */
  createAgentKey(owner: { tenantId: string; agentId: string; certificateId: string }, granteePrincipalArn?: string): Promise<string>;
  /**
   * Grants an IAM role that it signs with the key, and nothing else; answers the grant's id. The same again, under the same
   * name, is the same grant.
   * @throws Refusal GRANTEE_NOT_ALLOWED where KMS knows no such role.
   */
  grantSigning(keyArn: string, granteePrincipalArn: string, name: string): Promise<string>;
  /** DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  getPublicKey(keyArn: string): Promise<Uint8Array>;
  /** PKCS #1 v1.5 signature over a SHA-256 digest. */
  signDigest(keyArn: string, digestSha256: Uint8Array): Promise<Uint8Array>;
  /** Makes the key unusable at once, and destroys it after the waiting period. */
  scheduleKeyDeletion(keyArn: string): Promise<void>;
}

export type KeyRetirementOutcome =
  | { readonly outcome: 'retired'; /** Absent where an earlier call had done it. */ readonly deletionDate?: string }
  | { readonly outcome: 'try later'; /** Such as throttling. */ readonly cause: unknown }
  /** There is no such key: not yet everywhere, or no longer. */
  | { readonly outcome: 'unknown key' };

export interface KeyRetirement {
  /**
   * Makes the key unusable at once, and destroys it after the waiting period; then revokes the grant on it, so that it
   * does not come back with a key whose deletion is cancelled. Asks KMS once for each.
   */
  retireKey(keyArn: string, grantId?: string): Promise<KeyRetirementOutcome>;
}

/** Certificates that have come to their end by themselves. */
export interface Expiries {
  /** Whether a certificate of the shard has not expired, or its end is not noted; revoked ones count as well. */
  hasUnexpired(crlShard: number): Promise<boolean>;
  /** Those of the shard whose end is due at `now` and not noted. */
  listExpired(crlShard: number, now: string): Promise<EndingCertificate[]>;
  /** Marks the certificate, with its outbox entry, and forgets its expiry; false where it was revoked or is noted already. */
  noteExpiry(certificate: EndingCertificate, end: CertificateEnd, audit: AuditEntry): Promise<boolean>;
}

/** What became of certificates' ends. */
export interface Effects {
  hasKeyDeletion(certificateId: string): Promise<boolean>;
  listEffects(certificateId: string): Promise<ReadonlySet<'KEY-DELETION' | 'CRL'>>;
  /** The first note stays. */
  noteKeyDeletion(certificateId: string, effect: { readonly scheduledAt: string; readonly deletionDate?: string }): Promise<void>;
  noteCrls(effects: readonly { readonly certificateId: string; readonly crlNumber: bigint; readonly publishedAt: string }[]): Promise<void>;
}

/** Agents' certificates by their shard's number, and those that the root has signed. */
export type CrlShard = number | 'root';

export interface CrlRecords {
  /**
   * Draws the next number of the CRL at `path`, and with it the CRL's thisUpdate, `now` if no number before went with a later
   * one: the greater a number, the later its CRL (RFC 5280 §5.2.3). A time beyond `latest` came from a clock that was wrong,
   * and is not followed. Each number is drawn once, greater than all before and than the one that is `published`.
   */
  drawCrlNumber(path: string, published: bigint, time: { now: string; latest: string }): Promise<Pick<CrlStamp, 'number' | 'thisUpdate'>>;
  /**
   * The entries of the shard's revoked certificates, but for those that had expired by `expiredBy`: encodeRevokedCertificate's
   * DER, joined, in parts.
   */
  readCrlEntries(crlShard: CrlShard, expiredBy: string): Promise<Uint8Array[]>;
}

/** What tells one publication of a CRL from another, without reading it. */
export interface CrlStamp {
  /** cRLNumber (RFC 5280 §5.2.3). */
  readonly number: bigint;
  /** Whole seconds. */
  readonly thisUpdate: string;
  readonly nextUpdate: string;
}

/** What is known of a published object without its content. */
export interface PublishedHead {
  /** As S3 gave it, quotes included: for `ifMatch`. */
  readonly etag: string;
  readonly contentLength: number;
  readonly crl?: CrlStamp;
}

export interface Publication {
  readonly contentType: string;
  /** How long a cache may answer with the object before it asks again. */
  readonly cacheControlMaxAgeSeconds: number;
  readonly crl?: CrlStamp;
  /** Writes only over the object with this ETag, or only where there is none. */
  readonly ifMatch?: string | 'absent';
}

/**
 * What relying parties download: CRLs and CA certificates, each under the path that certificates name, without its
 * leading slash. Every method throws a Refusal DISTRIBUTION_UNAVAILABLE where it cannot be reached or does not let us in.
 */
export interface Distribution {
  head(path: string): Promise<PublishedHead | undefined>;
  /** The object as it is now: reads are strongly consistent. */
  read(path: string): Promise<(PublishedHead & { readonly body: Uint8Array }) | undefined>;
  /**
   * Writes the object whole.
   * @returns false where the condition did not hold. That may be our own doing, where a write whose answer was lost was
   * repeated: look at what is there before drawing conclusions.
   * @throws Refusal DISTRIBUTION_UNAVAILABLE; whether the object was written is then unknown.
   */
  write(path: string, body: Uint8Array, publication: Publication): Promise<boolean>;
}

/** One record of the risk table (docs/risk-records.md). */
export interface RiskRecord {
  readonly id: string;
  readonly agentId: string;
  readonly tenantId: string;
  readonly kind: 'event' | 'score';
  readonly score: number;
  readonly observedAt: string;
  /** Of an event: what was done, when, and from where it was reported. */
  readonly actionType?: ActionType;
  readonly occurredAt?: string;
  readonly sourceIp?: string;
  /** What else was said, in snake_case, stored and returned as it is. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface RiskRecords {
  put(record: RiskRecord): Promise<void>;
  /** What the agent has traded on that UTC day (YYYY-MM-DD) within its limits. */
  dailyVolumeUsd(agentId: string, date: string): Promise<number>;
  /** Puts the record and the day's new volume, both or neither; false where the volume is no longer `before`. */
  putWithDailyVolume(record: RiskRecord, volumeUsd: { readonly date: string; readonly before: number; readonly after: number }): Promise<boolean>;
}

/** What an agent did, and how it was judged: a risk record that names an action. */
export interface RiskEvent {
  readonly id: string;
  readonly agentId: string;
  readonly actionType: ActionType;
  readonly score: number;
  readonly factors: readonly string[];
  readonly occurredAt: string;
  readonly sourceIp?: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The same without what was said of it. */
export type BriefRiskEvent = Omit<RiskEvent, 'factors' | 'payload'>;

export interface RiskEventQuery {
  readonly band?: RiskBand | undefined;
  readonly actionType?: ActionType | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Lists of events, those first that were received last. */
export interface RiskEvents {
  /** Strongly consistent. */
  listOfAgent(agent: Pick<Agent, 'id' | 'tenantId'>, query: RiskEventQuery): Promise<Page<RiskEvent>>;
  listOfTenant(tenantId: string, query: RiskEventQuery): Promise<Page<RiskEvent>>;
}

/** An agent's events by the day they were received on, in UTC, and what was counted of them before. */
export interface RiskHistory {
  /** Those there are of the days from `firstDate` to `lastDate`; what was written just now may be missing. */
  listRollUps(agentId: string, firstDate: string, lastDate: string): Promise<RollUp[]>;
  /** Events behind `after` and before `until`, in parts and in their order; `through` is how far a part reaches. */
  readEvents(agent: Pick<Agent, 'id' | 'tenantId'>, after: string, until: string): AsyncIterable<{ readonly events: readonly BriefRiskEvent[]; readonly through: string }>;
  /** Keeps the roll-up, unless there is one that reaches as far. */
  putRollUp(agentId: string, rollUp: RollUp): Promise<void>;
}

export interface AuditTrail {
  /** Those first that were written last. Strongly consistent, but where it is asked for one `affectedId`. */
  list(tenantId: string, query: {
    readonly eventType?: AuditEventType | undefined;
    readonly actorType?: Actor['type'] | undefined;
    readonly affectedId?: string | undefined;
    readonly limit: number;
    readonly cursor?: string | undefined;
  }): Promise<Page<AuditEntry>>;
}

/** Sends what may be sent twice, and answers how each went, in their order; it does not throw. */
export type SettledSend<Item> = (items: readonly Item[]) => Promise<readonly PromiseSettledResult<void>[]>;

/** The chains of audit entries, one for each tenant. */
export interface AuditChain {
  /** Which of these entries are in a chain already. Strongly consistent, as is the head. */
  listChained(entryIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Undefined where nothing of the tenant's is chained. */
  getHead(tenantId: string): Promise<ChainPosition | undefined>;
  /**
   * Writes up to 49 links of one tenant, which follow each other and the head, all of them or none.
   * @returns false where the head is no longer this one, or one of the entries is in a chain already.
   */
  append(head: ChainPosition | undefined, links: readonly ChainLink[]): Promise<boolean>;
}

export interface Webhooks {
  /** False where the tenant has `limit` webhooks already. */
  create(webhook: Webhook, audit: AuditEntry, limit: number): Promise<boolean>;
  get(tenantId: string, webhookId: string): Promise<Webhook | undefined>;
  /** All of the tenant's, those first that were created last. Strongly consistent. */
  list(tenantId: string): Promise<Webhook[]>;
  /** Puts `webhook` in the place of `previous`; false where something else is there by now. */
  replace(webhook: Webhook, previous: Webhook, audit: AuditEntry): Promise<boolean>;
  /** False where it is gone. */
  remove(webhook: Webhook, audit: AuditEntry): Promise<boolean>;
}

export interface WebhookDeliveries {
  /** Adds the attempt, if there was one, to what is known of the delivery, and says how it stands now. */
  note(order: Pick<WebhookDelivery, 'webhookId' | 'tenantId' | 'announcement'>, outcome: Pick<WebhookDelivery, 'status' | 'nextAttemptAt'> & { readonly attempt?: DeliveryAttempt }): Promise<void>;
  /** Those first whose event was last. Strongly consistent. */
  list(webhookId: string, query: { readonly status?: WebhookDelivery['status'] | undefined; readonly limit: number; readonly cursor?: string | undefined }): Promise<Page<WebhookDelivery>>;
}

/** Encryption for one webhook of one tenant, by a key in KMS: what was encrypted for one cannot be decrypted for another. */
export interface SecretEncryption {
  encrypt(secret: string, webhook: Pick<Webhook, 'id' | 'tenantId'>): Promise<Uint8Array>;
  decrypt(encryptedSecret: Uint8Array, webhook: Pick<Webhook, 'id' | 'tenantId'>): Promise<string>;
}

/** Where orders wait for their delivery. */
export interface DeliveryQueue {
  /**
   * Sends the orders, to be received once the delay is over; at most 900 s. One whose answer was lost may be there twice.
   * @returns how each went, in the order of `orders`.
   */
  sendOrders(orders: readonly DeliveryOrder[], delaySeconds?: number): Promise<PromiseSettledResult<void>[]>;
}

/** The endpoints of tenants, anywhere on the Internet. */
export interface Receivers {
  /** Sends `body` to an https URL, once. Never rejects: what goes wrong there is an outcome, with `error` in a sentence. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Pick<DeliveryAttempt, 'statusCode' | 'error'>>;
}
