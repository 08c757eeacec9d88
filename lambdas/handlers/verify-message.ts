import { verifyMessage } from '../authority/verify-message.ts';
import { ok } from '../http/answer.ts';
import { endpoint } from '../http/endpoint.ts';
import { messageVerificationResource, presentedMessage } from '../http/signing.ts';
import { clock, issuingAuthorities, registry } from './services.ts';

export const handler = endpoint('verify-message', async ({ body }) =>
  ok(messageVerificationResource(await verifyMessage({ registry: registry(), issuingAuthorities: issuingAuthorities(), clock }, presentedMessage(body)))));
