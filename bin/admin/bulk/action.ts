import type { KakuninClient, KakuninError } from '../../../client/index.ts';
import type { RowFormat } from './rows.ts';

/** What became of a row, or in a dry run would. `unchanged`: what was asked for was so already. */
export interface RowResult {
  readonly outcome: 'certified' | 'revoked' | 'unchanged' | 'failed';
  /** Of HTTP. */
  readonly status: number;
  /** Of an answer that was an error. */
  readonly code?: string;
  readonly certificateId?: string;
  readonly serialNumber?: string;
  readonly detail: string;
}

/** Something that is done to each row of a file, by the API. */
export interface BulkAction<Order> {
  readonly outcome: 'certified' | 'revoked';
  readonly format: RowFormat<Order>;
  /** Rejects with a KakuninError where the API refuses. */
  readonly perform: (api: KakuninClient, id: string, order: Order, idempotencyKey: string) => Promise<RowResult>;
  /** What `perform` would come to, found by reading alone. */
  readonly foresee: (api: KakuninClient, id: string, order: Order) => Promise<RowResult>;
  /** What a refusal comes to. */
  readonly refused: (error: KakuninError & { readonly status: number }, id: string) => RowResult;
}
