import { firstShardOf, generationOfShard } from '../pki/issuing-generation.ts';
import type { CertificateEnd } from './certificate-end.ts';
import { shardCrl } from './crl-scope.ts';
import type { CrlStamp, Effects } from './ports.ts';
import { publishCrl, type CrlServices } from './publish-crl.ts';
import { crlsAtOnce, publishCompleteCrl, type CrlSettings } from './refresh-crls.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface RevocationPublicationServices extends CrlServices, CrlSettings {
  readonly effects: Pick<Effects, 'noteCrls'>;
}

/**
 * Puts revoked certificates on their CRLs, and notes on which: publishes the CRL of each shard concerned and then the
 * complete one of each generation, each once, however many certificates there are. For a certificate that expired there is
 * nothing to do.
 * @returns how each went, in the order of `ends`. None has its effect noted before both its CRLs are out.
 */
export async function publishRevocations(services: RevocationPublicationServices, ends: readonly CertificateEnd[]): Promise<PromiseSettledResult<void>[]> {
  const shards = [...new Set(ends.flatMap(({ cause, crlShard }) => (cause === 'revoked' ? [crlShard] : [])))];
  if (shards.length === 0) return sideBySide(ends, 1, () => Promise.resolve());
  const stamps = await sideBySide(shards, crlsAtOnce, (crlShard) => publishShard(services, crlShard));
  const generations = [...new Set(shards.map(generationOfShard))];
  const complete = await sideBySide(generations, 1, (generation) => publishCompleteCrl(services, generation));

  const publishedAt = services.clock().toISOString();
  const notes: Parameters<Effects['noteCrls']>[0][number][] = [];
  const outcomes = await sideBySide(ends, 1, async ({ certificateId, cause, crlShard }) => {
    if (cause === 'expired') return;
    const published = [stamps[shards.indexOf(crlShard)], complete[generations.indexOf(generationOfShard(crlShard))]];
    const [stamp] = valuesOf(published as PromiseSettledResult<CrlStamp>[]) as [CrlStamp];
    notes.push({ certificateId, crlNumber: stamp.number, publishedAt });
  });
  await services.effects.noteCrls(notes);
  return outcomes;
}

async function publishShard(services: RevocationPublicationServices, crlShard: number): Promise<CrlStamp> {
  const { crlShardCount, distributionUrl } = services;
  const index = crlShard - firstShardOf(generationOfShard(crlShard));
  if (index >= crlShardCount) throw new Error(`There is no CRL shard ${index}: this deployment has ${crlShardCount}.`);
  return publishCrl(services, shardCrl(distributionUrl, crlShard));
}
