import type { RuntimeOptions } from '../../local/runtime.ts';
import type { Service } from './service.ts';

/** One line of a table, by column; the names carry the units. */
export type Row = Readonly<Record<string, string | number>>;

export interface Report {
  /** Reports of the same title become one table, so their rows have the same columns. */
  readonly title: string;
  readonly rows: readonly Row[];
  /** What a reader must know to judge the figures. */
  readonly remarks?: readonly string[];
  /** What should not be so, in sentences: the program then ends with status 1, after it has printed everything. */
  readonly failures?: readonly string[];
}

export interface BenchContext {
  /** The service, started when it is first asked for. */
  readonly service: () => Promise<Service>;
  /** How long each measurement goes on. */
  readonly seconds: number;
  /** How many requests are under way at once. */
  readonly concurrency: number;
  /** How many entries or certificates a bench that is about their number deals with, where it is not to be its own. */
  readonly count?: number;
  /** Whether a bench that has a page in docs/ is to write its figures there. */
  readonly writeDocs?: boolean;
  /** Tells how far a bench is that takes long. */
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Bench {
  readonly summary: string;
  /** Takes long, or a service of its own kind: not run unless asked for, and then alone. */
  readonly alone?: { readonly service?: Partial<RuntimeOptions> };
  readonly run: (context: BenchContext) => Promise<readonly Report[]>;
}
