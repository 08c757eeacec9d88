import { scopes } from '../../lambdas/authority/scopes.ts';

/** What --help prints. */
export const usage = `Tenants of Kakunin, their API keys, agents and certificates, and what its functions could not do.

  npm run admin -- tenant create <name> [--plan <plan>]
  npm run admin -- tenant list
  npm run admin -- tenant plan <tenant-id> --plan <plan>
  npm run admin -- tenant repair
  npm run admin -- key create <tenant-id> --name <name> [--scopes <a,b,… | all>] [--expires <days>]
                              [--agent <agent-id>] [--test]
  npm run admin -- key list <tenant-id>
  npm run admin -- key revoke <key-id> --tenant <tenant-id>
  npm run admin -- key rotate <key-id> --tenant <tenant-id> [--grace <hours>] [--test]
  npm run admin -- agent list <tenant-id> [--status <status>] [--limit <n>]
  npm run admin -- agent show <agent-id>
  npm run admin -- certificate list <tenant-id> [--status <status>] [--agent <agent-id>] [--limit <n>]
  npm run admin -- certificate show <id | serial-number>
  npm run admin -- bulk certify <file.csv> --url <api-url> [--key-env <variable>] [--concurrency <n>] [--dry-run]
  npm run admin -- bulk revoke <file.csv> --url <api-url> [--key-env <variable>] [--concurrency <n>] [--dry-run]
  npm run admin -- authority list
  npm run admin -- authority revoke <generation> --reason <code>
  npm run admin -- audit verify [--tenant <tenant-id | name>] [--export]
  npm run admin -- reconcile [--dry-run]
  npm run admin -- dead-letter list
  npm run admin -- dead-letter replay <id> | --all
  npm run admin -- dead-letter discard <id>

A tenant's usage plan says how often it may ask. Repairing puts tenants that have none into the standard one: those made before
there were plans, which are refused (403 NO_USAGE_PLAN). A service started with npm start holds all to the standard plan.

Rotating puts a new key in the place of an old one, which goes on working for the grace period. Bulk commands ask
the API, with a tenant's key; the file's first line names its columns: agent_id to certify; certificate_id or
serial_number, reason and, if wanted, reason_code to revoke. What became of each row is written to
<file.csv>.report.csv, and the same command run again goes on with what is not done there.

Revoking a generation of the issuing CA makes every certificate of it worthless, at once and for good (docs/ca-rotation.md).

Verifying the audit trail reads all of it and computes every hash anew; what does not hold is named, and the exit status is 1.

Reconciling does at once, and for all keys, what the function of that name does in its hourly parts: it finds what faults have
left undone, such as keys that no certificate has, and has it done. It takes RISK_THRESHOLD and CRL_SHARDS from the
environment, where they are not 0.85 and 16.

A dead letter is what a function gave up on: a batch of a stream's records, or a message of a queue, such as a delivery to a
webhook. Replaying has it delivered once more.

  --plan <plan>        one of the deployment's usage plans; standard without it
  --name <name>        what people know the key by
  --scopes <a,b,…>     what the key may do; without it all, or events:write for an agent's own key:
                       ${scopes.join(', ')}
  --expires <days>     the key works for this many days; without it until it is revoked
  --agent <agent-id>   the key is held by this agent itself, can act for no other, and may have agents:read, agents:sign,
                       events:read and events:write; of a list, only its certificates
  --test               a kak_test_ key instead of a kak_live_ one
  --grace <hours>      how long a rotated key goes on working, 0 to 720; 24 without it, 0 revokes it at once
  --status <status>    only such: pending, active, suspended, retired; of certificates active, revoked, expired
  --limit <n>          no more than these, newest first; without it all
  --url <api-url>      the API, with /v1
  --key-env <variable> the environment variable that holds the API key; otherwise KAKUNIN_KEY
  --concurrency <n>    so many rows at once, 1 to 64; 4 without it
  --dry-run            only read, and say what would become of each row, or what there is to reconcile
  --deployment <name>  whose keys or usage plans are looked at, by their tags; otherwise $DEPLOYMENT, otherwise kakunin
  --reason <code>      why a CA is revoked, by RFC 5280's name: cACompromise, where somebody else may have its key
  --export             compare the trail with what was exported of it, too
  --all                every dead letter there is
  --table <name>       the registry table; otherwise $REGISTRY_TABLE, otherwise kakunin-registry
  --risk-table <name>  that of the risk records; otherwise $RISK_TABLE, otherwise kakunin-risk
  --bucket <name>      that of the dead letters; otherwise $DEAD_LETTER_BUCKET, otherwise kakunin-dead-letters
  --queues <prefix>    what the names of the queues begin with, the deployment's; otherwise $QUEUE_PREFIX, otherwise kakunin
  --audit-bucket <name> that of the exports; otherwise $AUDIT_BUCKET, otherwise kakunin-audit
  --json               JSON on standard output, for programs
  --help               this text

Where a deployment is, the file says that "npx cdk deploy --outputs-file <file>" wrote: name it with STACK_OUTPUTS, and neither the Region nor
tables, buckets, queues or the deployment's name need be given. Credentials are for the SDK's own environment to say: AWS_PROFILE or others.
For a service started with npm start, take the endpoint from its "dynamodb" line, and for dead letters also
AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_SQS from its "s3" and "sqs" lines, and to reconcile AWS_ENDPOINT_URL_KMS
from its "kms" line and DEPLOYMENT=local; any credentials will do:

  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:… AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any \\
    npm run admin -- tenant list

Exit status: 0 done, 1 not done, 2 not understood.
`;
