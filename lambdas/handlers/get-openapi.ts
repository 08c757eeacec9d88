import document from '../../docs/openapi.json' with { type: 'json' };
import { endpoint } from '../http/endpoint.ts';

/** The document as it was committed (npm run openapi); it changes with the deployment only. */
export const handler = endpoint('get-openapi', () => Promise.resolve({ status: 200, headers: { 'cache-control': 'public, max-age=3600' }, body: document }));
