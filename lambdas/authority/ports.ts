import type { Agent, AgentProfile, AgentStatus, Lease } from './agent.ts';
import type { AuditEntry } from './audit.ts';
import type { Certificate, CertificateStatus } from './certificate.ts';
import type { CertificateEnd, EndingCertificate } from './certificate-end.ts';
import type { ReasonCode } from './revocation-reasons.ts';

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
}

/** A change to an agent, all of it or nothing. */
export interface AgentChange {
  readonly agent: Agent;
  /** New values; `undefined` removes the attribute. */
  readonly set: { readonly [Field in keyof AgentProfile]?: AgentProfile[Field] | undefined } & { readonly status?: AgentStatus };
  readonly updatedAt: string;
  /** Revokes the certificate that `agent.activeCertificate` names, in the same transaction. */
  readonly revocation?: Revocation;
  readonly audit: readonly AuditEntry[];
}

export type Reservation =
  | { readonly reserved: true; readonly agent: Agent; /** Left by an issuance that never ended. */ readonly abandonedKeyArn?: string }
  | { readonly reserved: false; readonly agent: Agent | undefined };

export interface Registry {
  getAgent(agentId: string): Promise<Agent | undefined>;
  createAgent(agent: Agent, audit: AuditEntry): Promise<void>;
  /** False where the agent's status, active certificate or lease is no longer what `change.agent` says. */
  updateAgent(change: AgentChange): Promise<boolean>;
  listAgents(tenantId: string, query: { status?: AgentStatus | undefined; limit: number; offset: number; cursor?: string | undefined }): Promise<Page<Agent>>;
  countAgents(tenantId: string, status?: AgentStatus): Promise<number>;
  /** Sets the score an agent is shown with. */
  noteRiskScore(agentId: string, riskScore: number, observedAt: string): Promise<void>;

  /** Takes the agent's lease: one conditional write, on which every issuance of the agent depends. */
  reserveIssuance(agentId: string, tenantId: string, lease: Lease): Promise<Reservation>;
  /** Writes the new key's ARN onto the lease. */
  noteLeaseKey(agentId: string, leaseId: string, keyArn: string): Promise<void>;
  /** After this the lease's issuance cannot be committed any more. `keyArn` stays noted until `forgetLease`. */
  releaseLease(agentId: string, lease: Lease): Promise<void>;
  forgetLease(agentId: string, leaseId: string): Promise<void>;
  /** False where the lease is no longer ours; then nothing was written. */
  commitIssuance(certificate: Certificate, issuedAt: string, audit: AuditEntry): Promise<boolean>;

  getCertificate(certificateId: string): Promise<Certificate | undefined>;
  /** False where the certificate is revoked already; then nothing was written. */
  revokeCertificate(certificate: EndingCertificate, revocation: Revocation, audit: readonly AuditEntry[]): Promise<boolean>;
  listCertificates(tenantId: string, query: { agentId?: string | undefined; status?: CertificateStatus | undefined; limit: number; cursor?: string | undefined; now: string }): Promise<Page<Certificate>>;

  getAuthority(role: AuthorityRole): Promise<Authority | undefined>;
  /** Both at once and only where there are none; false where there are. */
  createAuthorities(authorities: readonly Authority[]): Promise<boolean>;
  /** Puts the authority in the place of `previous`, or where there is none; false where something else is there by now. */
  replaceAuthority(authority: Authority, previous: Authority | undefined): Promise<boolean>;
}

export type AuthorityRole = 'root' | 'issuing' | 'ocsp';

/** A certificate authority, or the OCSP responder it has delegated to: its certificate, and where its key is. */
export interface Authority {
  readonly role: AuthorityRole;
  readonly keyArn: string;
  readonly certificatePem: string;
  readonly createdAt: string;
}

export interface KeyManagement {
  /** A new RSA-2048 signing key, tagged with whose it is; answers its ARN. */
  createAgentKey(owner: { tenantId: string; agentId: string; certificateId: string }): Promise<string>;
  /** DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  getPublicKey(keyArn: string): Promise<Uint8Array>;
  /** PKCS #1 v1.5 signature over a SHA-256 digest. */
  signDigest(keyArn: string, digestSha256: Uint8Array): Promise<Uint8Array>;
  /** Makes the key unusable at once, and destroys it after the waiting period. */
  scheduleKeyDeletion(keyArn: string): Promise<void>;
}

export type KeyRetirementOutcome =
  | { readonly outcome: 'scheduled'; /** Absent where an earlier call had done it. */ readonly deletionDate?: string }
  | { readonly outcome: 'try later'; /** Such as throttling. */ readonly cause: unknown }
  /** There is no such key: not yet everywhere, or no longer. */
  | { readonly outcome: 'unknown key' };

export interface KeyRetirement {
  /** Makes the key unusable at once, and destroys it after the waiting period. Asks KMS once. */
  scheduleKeyDeletion(keyArn: string): Promise<KeyRetirementOutcome>;
}

/** Certificates that have come to their end by themselves. */
export interface Expiries {
  /** Those of the shard whose end is due at `now` and not noted. */
  listExpired(crlShard: number, now: string): Promise<EndingCertificate[]>;
  /** Marks the certificate, with its outbox entry, and forgets its expiry; false where it was revoked or is noted already. */
  noteExpiry(certificate: EndingCertificate, end: CertificateEnd, audit: AuditEntry): Promise<boolean>;
}

/** What became of certificates' ends. */
export interface Effects {
  hasKeyDeletion(certificateId: string): Promise<boolean>;
  /** The first note stays. */
  noteKeyDeletion(certificateId: string, effect: { readonly scheduledAt: string; readonly deletionDate?: string }): Promise<void>;
  noteCrls(effects: readonly { readonly certificateId: string; readonly crlNumber: bigint; readonly publishedAt: string }[]): Promise<void>;
}

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
  readCrlEntries(crlShard: number, expiredBy: string): Promise<Uint8Array[]>;
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
