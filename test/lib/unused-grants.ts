import { queueConsumers, streamConsumers, type StreamConsumer } from '../../lambdas/triggers.ts';
import type { HandlerName } from '../../lib/platform.ts';
import type { DeployedPolicies } from '../support/deployed-policies.ts';
import type { Asked } from '../support/iam-requests.ts';
import { matches } from '../support/iam-conditions.ts';
import { list, type synthesize } from './synthesized.ts';

/* Rights, one by one: an action on a resource, and on one kind of item where a statement has several. */

export interface Grant {
  /** `dynamodb:PutItem on <registry> AUDIT#*` */
  readonly line: string;
  covers(request: Asked): boolean;
}

/** What a function's own policy allows, beside logs and traces. */
export function grantsOf(stack: ReturnType<typeof synthesize>, policies: DeployedPolicies, name: string): Grant[] {
  const found = new Map<string, Grant>();
  for (const statement of stack.statementsOf(name)) {
    const kinds = list(statement.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] as string[] | undefined);
    for (const action of list(statement.Action)) {
      if (/^(logs|xray):/.test(action)) continue;
      for (const resource of list(statement.Resource)) {
        const pattern = policies.text(resource);
        for (const kind of kinds) {
          const line = `${action} on ${stack.render(resource)}${kind === undefined ? '' : ` ${kind}`}`;
          const covers = (request: Asked) => request.action === action && matches(pattern, request.resource)
            && (kind === undefined || list(request.context?.['dynamodb:LeadingKeys'] as string[]).some((key) => matches(kind, key)));
          const another = found.get(line);
          found.set(line, { line, covers: (request) => covers(request) || another?.covers(request) === true });
        }
      }
    }
  }
  return [...found.values()];
}

const notFound = 'Without it S3 answers 403 for what is not there; here all is.';

/** What functions read of their authority while they are loaded or once a minute, each for itself; here the first to do so reads it for all. */
export const remembered: Readonly<Partial<Record<HandlerName, readonly string[]>>> = {
  'certify-agent': ['CA#issuing'], 'renew-certificate': ['CA#issuing'], 'sign-message': ['CA#issuing'], 'get-authority': ['CA#issuing'],
  'verify-certificate': ['CA#issuing'], 'verify-message': ['CA#issuing'],
  'publish-crls': ['CA#issuing'], 'refresh-crls': ['CA#issuing'], 'mint-authority': ['CA#issuing'],
  'post-ocsp': ['CA#issuing', 'CA#ocsp'], 'get-ocsp': ['CA#issuing', 'CA#ocsp'],
};

const otherwise: Readonly<Partial<Record<HandlerName, Readonly<Record<string, string>>>>> = {
  'list-agents': { 'dynamodb:GetItem on <registry> AGENT#*': 'The list of a key that is bound to an agent is that agent.' },
  'sign-message': { 'dynamodb:GetItem on <registry> CERT#*': 'Where the certificate ended meanwhile, how it ended is looked up.' },
  'get-crl': { 's3:ListBucket on <files>': notFound },
  'publish-crls': { 's3:ListBucket on <files>': notFound },
  'refresh-crls': { 's3:ListBucket on <files>': notFound },
  'mint-authority': { 's3:ListBucket on <files>': notFound, 'dynamodb:Query on <registry> EXPIRY#*': 'Where a deployment leaves a generation of the issuing CA out (test/api/ca-rotation.test.ts).' },
  'ingest-event': { 'dynamodb:GetItem on <risk>': 'An agent’s volume of the day is read where its scope limits it.' },
  'auto-revoke': { 'dynamodb:GetItem on <registry> CERT#*': 'Where an issuance is under way, whether it has committed.' },
  'deliver-webhook': { 'sqs:SendMessage on <queue exhausted-deliveries>': 'After the last attempt, minutes later (test/api/webhook-delivery.test.ts).' },
  'export-audit-trail': { 's3:GetObject on <audit archive>/audit/*': 'An export that is there already is compared with what was to be written (test/api/audit-export.test.ts).' },
  'reconcile': Object.fromEntries(
    ['DeleteItem on <registry> EXPIRY#*', 'PutItem on <registry> ALERT#*', 'PutItem on <registry> AUDIT#*', 'PutItem on <registry> OUTBOX#*', 'PutItem on <registry> REVOKED#*',
      'UpdateItem on <registry> AGENT#*', 'UpdateItem on <registry> CERT#*'].map((line) => [`dynamodb:${line}`, 'What auto-revoke and expire-certificates did not do, and here they did (test/api/reconcile.test.ts).'] as const),
  ),
};

/** Why a function has a right that nothing in test/api/permissions-in-use.test.ts uses. */
export function unusedHere(name: HandlerName): Readonly<Record<string, string>> {
  const explain = (reason: string, lines: readonly string[]) => Object.fromEntries(lines.map((line) => [line, reason]));
  const { table } = (streamConsumers as Partial<Record<HandlerName, StreamConsumer>>)[name] ?? {};
  return {
    ...(table !== undefined && explain('Lambda polls the stream in the function’s name, and sets aside what it gave up.', [
      ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map((action) => `dynamodb:${action} on <${table} stream>`), `dynamodb:ListStreams on <${table}>/stream/*`, 's3:ListBucket on <dead letters>', 's3:PutObject on <dead letters>/*',
    ])),
    ...(name in queueConsumers && explain('Lambda polls the queue in the function’s name.', ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'].map((action) => `sqs:${action} on <queue ${name}>`))),
    ...otherwise[name],
  };
}
