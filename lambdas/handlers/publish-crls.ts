import { publishRevocations } from '../authority/publish-revocations.ts';
import { effects } from '../aws/effects.ts';
import { crlServices } from './crl-services.ts';
import { outboxConsumer } from './outbox-consumer.ts';
import { registryTable } from './services.ts';

/** Consumes the registry's stream: puts revoked certificates on their CRLs. */
export const handler = outboxConsumer('publish-crls', (ends) => publishRevocations({ ...crlServices(), effects: effects(registryTable()) }, ends));
