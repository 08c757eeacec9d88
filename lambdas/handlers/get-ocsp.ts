import { endpoint } from '../http/endpoint.ts';
import { ocspRequestInPath } from '../http/ocsp.ts';
import { answering } from './ocsp-services.ts';

export const handler = endpoint('get-ocsp', ({ parameter }) => answering(ocspRequestInPath(parameter('request'))));
