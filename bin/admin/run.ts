import { accessRegistry } from '../../lambdas/aws/access.ts';
import { auditArchiveReader } from '../../lambdas/aws/audit-archive-reader.ts';
import { auditChainReader } from '../../lambdas/aws/audit-chain-reader.ts';
import { auditInspection } from '../../lambdas/aws/audit-inspection.ts';
import { deadLetterQueues } from '../../lambdas/aws/dead-letter-queues.ts';
import { deadLetters } from '../../lambdas/aws/dead-letters.ts';
import { dynamodb } from '../../lambdas/aws/dynamodb-client.ts';
import { dynamodbRegistry } from '../../lambdas/aws/registry.ts';
import { s3 } from '../../lambdas/aws/s3-client.ts';
import { sqs } from '../../lambdas/aws/sqs-client.ts';
import { readArguments } from './arguments.ts';
import type { Services } from './commands.ts';
import { explain, UsageError, type Places } from './failures.ts';
import { startMeter } from './meter.ts';
import { usage } from './usage.ts';
import { hasApiGateway, usagePlans } from './usage-plans.ts';

/** Where text goes. */
export interface Writer {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Whether `error` goes to somebody's screen, where a line can be drawn over. */
  readonly isTerminal?: boolean;
}

/**
 * Runs one command against the tables, the bucket and the queues that the SDK's environment leads to.
 * @returns the exit status: 0 done, 1 not done, 2 not understood; anything but 0 with one sentence written to `error`.
 */
export async function runAdmin(args: readonly string[], environment: Readonly<Record<string, string | undefined>>, { out, error, isTerminal = false }: Writer): Promise<0 | 1 | 2> {
  let places: Places = { tables: [], bucket: '', queues: '' };
  try {
    const invocation = readArguments(args);
    if (invocation === undefined) {
      out(usage);
      return 0;
    }
    const { command, operand, options, json } = invocation;
    const registry = invocation.table ?? (environment['REGISTRY_TABLE'] || 'kakunin-registry');
    const risk = options['risk-table'] ?? (environment['RISK_TABLE'] || 'kakunin-risk');
    const bucket = options.bucket ?? (environment['DEAD_LETTER_BUCKET'] || 'kakunin-dead-letters');
    const queues = options.queues ?? (environment['QUEUE_PREFIX'] || 'kakunin');
    const auditBucket = options['audit-bucket'] ?? (environment['AUDIT_BUCKET'] || 'kakunin-audit');
    const archive = { bucket: auditBucket, bucketFrom: '--audit-bucket or AUDIT_BUCKET' };
    places = { tables: command.options.includes('risk-table') ? [registry, risk] : [registry], queues, ...(command.options.includes('audit-bucket') ? archive : { bucket }) };
    const services: Services = {
      ...servicesAt({ registry, risk, bucket, queues, auditBucket }),
      usagePlans: hasApiGateway(environment) ? usagePlans(options.deployment ?? (environment['DEPLOYMENT'] || 'kakunin')) : undefined,
      now: new Date(),
      progress: (sentence) => error(`${sentence}\n`),
      meter: (total) => startMeter(total, { write: error, isTerminal }),
      environment,
    };
    const { json: data, lines, undone } = await command.run(services, operand, options);
    out(json ? `${JSON.stringify(data, null, 2)}\n` : `${lines.join('\n')}\n`);
    if (undone === undefined) return 0;
    error(`${undone}\n`);
    return 1;
  } catch (failure) {
    const usageFailure = failure instanceof UsageError;
    error(`${explain(failure, { places, environment })}${usageFailure ? ' See npm run admin -- --help.' : ''}\n`);
    return usageFailure ? 2 : 1;
  }
}

function servicesAt({ registry, risk, bucket, queues, auditBucket }: { registry: string; risk: string; bucket: string; queues: string; auditBucket: string }) {
  const client = dynamodb();
  return {
    access: accessRegistry(client, registry),
    registry: dynamodbRegistry(client, registry),
    deadLetters: deadLetters(s3(), bucket),
    deadLetterQueues: deadLetterQueues(sqs(), queues),
    auditChains: auditChainReader({ client, tableName: registry }),
    inspection: auditInspection({ client, tableName: registry }),
    auditArchive: auditArchiveReader(s3(), auditBucket),
    tables: { registry: { client, tableName: registry }, risk: { client, tableName: risk } },
  };
}
