import { exportAuditTrail } from '../authority/export-audit-trail.ts';
import { auditArchive } from '../aws/audit-archive.ts';
import { auditChain } from '../aws/audit-chain.ts';
import { auditChainReader } from '../aws/audit-chain-reader.ts';
import { auditExports } from '../aws/audit-exports.ts';
import { keyUse } from '../aws/key-management.ts';
import { kms } from '../aws/kms-client.ts';
import { s3 } from '../aws/s3-client.ts';
import { log } from '../log.ts';
import { environment } from './environment.ts';
import { invocation } from './invocation.ts';
import { clock, once, registry, registryTable } from './services.ts';

const exportServices = once(() => ({
  chain: auditChain(registryTable()),
  reader: auditChainReader(registryTable()),
  exports: auditExports(registryTable()),
  archive: auditArchive(s3(), environment('auditBucket')),
  registry: registry(),
  keys: keyUse(kms()),
  clock,
}));

/** Called by the clock: exports what was chained of the audit trail, and signs how far it goes. */
export const handler = invocation('export-audit-trail', async (): Promise<void> => {
  log.info('export-audit-trail', { ...await exportAuditTrail(exportServices()) });
});
