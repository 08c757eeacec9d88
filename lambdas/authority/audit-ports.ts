import type { AuditEntry } from './audit.ts';
import type { ChainLink, ChainPosition, SignedHead } from './chain-link.ts';

/* What verifying and exporting the audit chains needs from the outside world, as ports.ts says of the rest. */

/** What is read of the chains to verify them. Strongly consistent but for the list of tenants. */
export interface AuditChainReader {
  /** Those that have a chain; one whose chain began just now may be missing. */
  listTenants(): Promise<string[]>;
  /** The first `limit` links there are behind `after` and up to `through`, in their order. */
  readLinks(tenantId: string, range: { readonly after: number; readonly through: number; readonly limit: number }): Promise<ChainLink[]>;
  /** The links' entries, in their order; undefined where there is none under the key that the link says. */
  readEntries(links: readonly ChainLink[]): Promise<(AuditEntry | undefined)[]>;
}

/** An export that is done up to one position and goes on to another. */
export interface ExportProgress {
  readonly done: ChainPosition;
  /** The same where no export is under way. */
  readonly goal: ChainPosition;
}

/** What is noted of the exports of the chains. */
export interface AuditExports {
  getProgress(tenantId: string): Promise<ExportProgress | undefined>;
  /** Puts `progress` in the place of `before`; false where something else is there by now. */
  noteProgress(tenantId: string, progress: ExportProgress, before: ExportProgress | undefined): Promise<boolean>;
  /** Keeps the head, unless one of this number is kept already. @returns the one that is kept. */
  noteSignedHead(head: SignedHead): Promise<SignedHead>;
}

/** Where exports are kept. What was written there first stays. */
export interface AuditArchive {
  /** Writes the object, unless it is there already. @throws Error where there is another one of this name. */
  put(path: string, body: Uint8Array, contentType: string): Promise<void>;
}
