import type { Agent } from './agent.ts';
import type { ObservedRisk } from './auto-revoke.ts';

/* What reconciling needs from the outside world beside the ports of ports.ts. */

/** A key of an agent of this deployment, as its tags say. */
export interface AgentKey {
  readonly arn: string;
  readonly tenantId: string;
  readonly agentId: string;
  /** Whose issuance it was created for; whether that came to its end is for the registry to say. */
  readonly certificateId: string;
}

/** All keys there are. Each method waits for its turn before it asks KMS. */
export interface KeyInventory {
  /** A part of the account's keys, whatever they are for, behind that which ended with `marker`; the last part has none. */
  listKeys(marker: string | undefined): Promise<{ readonly keyArns: readonly string[]; readonly marker?: string }>;
  /** Undefined where it is anything else than an agent's key of this deployment. */
  readAgentKey(keyArn: string): Promise<AgentKey | undefined>;
  /** Undefined where it is gone. */
  describeKey(keyArn: string): Promise<{ readonly createdAt: string; readonly isPendingDeletion: boolean } | undefined>;
}

export interface SevereRisks {
  /**
   * A record of the agent whose score is at least `threshold`, and that says itself that it was observed from `since` to
   * `until`; of the records whose id is not less than `recordsFrom`.
   */
  find(agent: Pick<Agent, 'id' | 'tenantId'>, threshold: number, range: { readonly recordsFrom: string; readonly since: string; readonly until: string }): Promise<ObservedRisk | undefined>;
}

/** How far the keys have been gone through. */
export interface PassProgress {
  /** When the pass that is under way began. Absent between two. */
  readonly startedAt?: string;
  /** Behind which part of the keys it goes on; absent where it has not come so far. */
  readonly marker?: string;
  /** How many keys of the account it has gone past by then. */
  readonly keysListed?: number;
  /** Whether something failed in what of the pass is behind it, in whichever run. */
  readonly hasFailed?: boolean;
  /** When the last one began that came to its end without a failure: risk records from before it have been looked at. */
  readonly previousStartedAt?: string;
}

export interface PassProgressNote {
  get(): Promise<PassProgress>;
  put(progress: PassProgress): Promise<void>;
}
