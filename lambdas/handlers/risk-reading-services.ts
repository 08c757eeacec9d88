import { dynamodb } from '../aws/dynamodb-client.ts';
import { riskHistory } from '../aws/risk-history.ts';
import { riskListings } from '../aws/risk-listings.ts';
import { environment } from './environment.ts';
import { clock, once, registry } from './services.ts';

/* For the handlers that read the risk table. */

const riskTable = once(() => ({ client: dynamodb(), tableName: environment('riskTable') }));

export const eventListServices = once(() => ({ registry: registry(), events: riskListings(riskTable()) }));

export const riskProfileServices = once(() => ({ registry: registry(), history: riskHistory(riskTable()), clock }));
