import type { AuditChainReader } from '../../lambdas/authority/audit-ports.ts';
import type { Registry } from '../../lambdas/authority/ports.ts';
import type { accessRegistry } from '../../lambdas/aws/access.ts';
import type { AuditArchiveReader } from '../../lambdas/aws/audit-archive-reader.ts';
import type { AuditInspection } from '../../lambdas/aws/audit-inspection.ts';
import type { deadLetterQueues } from '../../lambdas/aws/dead-letter-queues.ts';
import type { deadLetters } from '../../lambdas/aws/dead-letters.ts';
import type { Table } from '../../lambdas/aws/table.ts';
import type { TableName } from '../../lambdas/schema.ts';
import { listAgents, showAgent } from './agents.ts';
import { verifyAudit } from './audit/verify.ts';
import { listAuthorities, revokeAuthority } from './authorities.ts';
import { bulkCertify, bulkRevoke } from './bulk/commands.ts';
import { listCertificates, showCertificate } from './certificates.ts';
import { discardDeadLetter, listDeadLetters } from './dead-letters.ts';
import { createKey, listKeys, revokeKey } from './keys.ts';
import type { Meter } from './meter.ts';
import { replayDeadLetters } from './replay.ts';
import { reconcileNow } from './reconcile.ts';
import { rotateKey } from './rotate.ts';
import { changePlan, createTenant, listTenants, repairPlans } from './tenants.ts';
import type { UsagePlans } from './usage-plans.ts';

/** What commands work with. */
export interface Services {
  readonly access: ReturnType<typeof accessRegistry>;
  readonly registry: Registry;
  readonly deadLetters: ReturnType<typeof deadLetters>;
  readonly deadLetterQueues: ReturnType<typeof deadLetterQueues>;
  readonly auditChains: Pick<AuditChainReader, 'listTenants'>;
  readonly inspection: AuditInspection;
  readonly auditArchive: AuditArchiveReader;
  readonly tables: Readonly<Record<TableName, Table>>;
  /** Undefined where there is no API Gateway: its stand-in on this machine holds every tenant to the standard plan by itself. */
  readonly usagePlans: UsagePlans | undefined;
  readonly now: Date;
  /** Says how far a long command has come. */
  readonly progress: (sentence: string) => void;
  /** Shows it all the time, for a command that counts rows. */
  readonly meter: (total: number) => Meter;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** As given on the command line; which of them a command knows and needs is in the table below. */
export interface CommandOptions {
  readonly name?: string | undefined;
  readonly scopes?: string | undefined;
  readonly expires?: string | undefined;
  readonly agent?: string | undefined;
  readonly tenant?: string | undefined;
  readonly test?: boolean | undefined;
  readonly grace?: string | undefined;
  readonly status?: string | undefined;
  readonly limit?: string | undefined;
  readonly url?: string | undefined;
  readonly 'key-env'?: string | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly concurrency?: string | undefined;
  readonly all?: boolean | undefined;
  readonly 'risk-table'?: string | undefined;
  readonly bucket?: string | undefined;
  readonly queues?: string | undefined;
  readonly export?: boolean | undefined;
  readonly 'audit-bucket'?: string | undefined;
  readonly deployment?: string | undefined;
  readonly reason?: string | undefined;
  readonly plan?: string | undefined;
}

/** What a command has to say: to programs, and line by line to people. */
export interface Outcome {
  readonly json: object;
  readonly lines: readonly string[];
  /** What was left undone, in one sentence that says what to do. */
  readonly undone?: string;
}

export interface Command {
  /** What its one operand is called; it takes none without. */
  readonly operand?: string;
  /** Stands for the operand where it is left out. */
  readonly insteadOfOperand?: 'all';
  readonly options: readonly (keyof CommandOptions)[];
  readonly required: readonly (keyof CommandOptions)[];
  readonly run: (services: Services, operand: string, options: CommandOptions) => Promise<Outcome>;
}

const bulkOptions = ['url', 'key-env', 'dry-run', 'concurrency'] as const;

export const commands: Readonly<Record<string, Command>> = {
  'tenant create': { operand: 'name', options: ['plan', 'deployment'], required: [], run: createTenant },
  'tenant list': { options: ['deployment'], required: [], run: listTenants },
  'tenant plan': { operand: 'tenant id', options: ['plan', 'deployment'], required: ['plan'], run: changePlan },
  'tenant repair': { options: ['deployment'], required: [], run: repairPlans },
  'key create': { operand: 'tenant id', options: ['name', 'scopes', 'expires', 'agent', 'test'], required: ['name'], run: createKey },
  'key list': { operand: 'tenant id', options: [], required: [], run: listKeys },
  'key revoke': { operand: 'key id', options: ['tenant'], required: ['tenant'], run: revokeKey },
  'key rotate': { operand: 'key id', options: ['tenant', 'grace', 'test'], required: ['tenant'], run: rotateKey },
  'agent list': { operand: 'tenant id', options: ['status', 'limit'], required: [], run: listAgents },
  'agent show': { operand: 'agent id', options: [], required: [], run: showAgent },
  'certificate list': { operand: 'tenant id', options: ['status', 'agent', 'limit'], required: [], run: listCertificates },
  'certificate show': { operand: 'id or serial number', options: [], required: [], run: showCertificate },
  'bulk certify': { operand: 'file', options: bulkOptions, required: ['url'], run: bulkCertify },
  'bulk revoke': { operand: 'file', options: bulkOptions, required: ['url'], run: bulkRevoke },
  'authority list': { options: [], required: [], run: listAuthorities },
  'authority revoke': { operand: 'generation', options: ['reason'], required: ['reason'], run: revokeAuthority },
  'audit verify': { options: ['tenant', 'export', 'audit-bucket'], required: [], run: verifyAudit },
  'reconcile': { options: ['dry-run', 'deployment', 'queues', 'risk-table'], required: [], run: reconcileNow },
  'dead-letter list': { options: ['bucket', 'queues'], required: [], run: listDeadLetters },
  'dead-letter replay': { operand: 'id', insteadOfOperand: 'all', options: ['all', 'bucket', 'queues', 'risk-table'], required: [], run: replayDeadLetters },
  'dead-letter discard': { operand: 'id', options: ['bucket', 'queues'], required: [], run: discardDeadLetter },
};
