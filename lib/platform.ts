import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { routes, type RouteName } from '../lambdas/routes.ts';
import type { TableName } from '../lambdas/schema.ts';
import type { AuthorityKeys } from './authority-keys.ts';
import type { Settings } from './settings.ts';

/** What the functions stand on. */
export interface Platform {
  readonly settings: Settings;
  readonly tables: Readonly<Record<TableName, Table>>;
  readonly keys: AuthorityKeys;
}

/** A function, by the name of its file in lambdas/handlers. */
export type HandlerName = RouteName | 'authorize' | 'mint-authority' | 'auto-revoke';

/** Every function there is. */
export const handlerNames: readonly HandlerName[] = [...(Object.keys(routes) as RouteName[]), 'authorize', 'mint-authority', 'auto-revoke'];
