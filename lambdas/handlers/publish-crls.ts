import { publishRevocations } from '../authority/publish-revocations.ts';
import { effects } from '../aws/effects.ts';
import { readCertificateEnd } from '../aws/outbox-stream.ts';
import { crlServices } from './crl-services.ts';
import { logLatencies } from './latencies.ts';
import { registryConsumer } from './registry-consumer.ts';
import { registryTable } from './services.ts';

/** Consumes the registry's stream: puts revoked certificates on their CRLs. */
export const handler = registryConsumer('publish-crls', readCertificateEnd, async (ends) => {
  const outcomes = await publishRevocations({ ...crlServices(), effects: effects(registryTable()) }, ends);
  const isRevoked = (index: number) => ends[index]?.cause === 'revoked';
  logLatencies('publish-crls', 'CrlPublicationLatency', ends.filter((_, index) => isRevoked(index)), outcomes.filter((_, index) => isRevoked(index)));
  return outcomes;
});
