import { endpoint } from '../http/endpoint.ts';
import { answering } from './ocsp-services.ts';

export const handler = endpoint('post-ocsp', ({ body }) => answering(body));
