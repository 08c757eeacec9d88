import type { Registry } from '../../lambdas/authority/ports.ts';
import type { accessRegistry } from '../../lambdas/aws/access.ts';
import type { deadLetters } from '../../lambdas/aws/dead-letters.ts';
import type { Table } from '../../lambdas/aws/table.ts';
import type { TableName } from '../../lambdas/schema.ts';
import { discardDeadLetter, listDeadLetters } from './dead-letters.ts';
import { createKey, listKeys, revokeKey } from './keys.ts';
import { replayDeadLetters } from './replay.ts';
import { createTenant, listTenants } from './tenants.ts';

/** What commands work with. */
export interface Services {
  readonly access: ReturnType<typeof accessRegistry>;
  readonly registry: Pick<Registry, 'getAgent'>;
  readonly deadLetters: ReturnType<typeof deadLetters>;
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly now: Date;
  /** Says how far a long command has come. */
  readonly progress: (sentence: string) => void;
}

/** As given on the command line; which of them a command knows and needs is in the table below. */
export interface CommandOptions {
  readonly name?: string | undefined;
  readonly scopes?: string | undefined;
  readonly expires?: string | undefined;
  readonly agent?: string | undefined;
  readonly tenant?: string | undefined;
  readonly test?: boolean | undefined;
  readonly all?: boolean | undefined;
  readonly 'risk-table'?: string | undefined;
  readonly bucket?: string | undefined;
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

export const commands: Readonly<Record<string, Command>> = {
  'tenant create': { operand: 'name', options: [], required: [], run: createTenant },
  'tenant list': { options: [], required: [], run: listTenants },
  'key create': { operand: 'tenant id', options: ['name', 'scopes', 'expires', 'agent', 'test'], required: ['name'], run: createKey },
  'key list': { operand: 'tenant id', options: [], required: [], run: listKeys },
  'key revoke': { operand: 'key id', options: ['tenant'], required: ['tenant'], run: revokeKey },
  'dead-letter list': { options: ['bucket'], required: [], run: listDeadLetters },
  'dead-letter replay': { operand: 'id', insteadOfOperand: 'all', options: ['all', 'bucket', 'risk-table'], required: [], run: replayDeadLetters },
  'dead-letter discard': { operand: 'id', options: ['bucket'], required: [], run: discardDeadLetter },
};
