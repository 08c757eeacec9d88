import { scopes } from '../../lambdas/authority/scopes.ts';

/** What --help prints. */
export const usage = `Tenants of Kakunin and their API keys, and what its functions could not do.

  npm run admin -- tenant create <name>
  npm run admin -- tenant list
  npm run admin -- key create <tenant-id> --name <name> [--scopes <a,b,… | all>] [--expires <days>]
                              [--agent <agent-id>] [--test]
  npm run admin -- key list <tenant-id>
  npm run admin -- key revoke <key-id> --tenant <tenant-id>
  npm run admin -- dead-letter list
  npm run admin -- dead-letter replay <id> | --all
  npm run admin -- dead-letter discard <id>

A dead letter is a batch of records that a function gave up on. Replaying has them delivered once more.

  --name <name>        what people know the key by
  --scopes <a,b,…>     what the key may do; without it all, or events:write for an agent's own key:
                       ${scopes.join(', ')}
  --expires <days>     the key works for this many days; without it until it is revoked
  --agent <agent-id>   the key is held by this agent itself, and can do no more than report its events
  --test               a kak_test_ key instead of a kak_live_ one
  --all                every dead letter there is
  --table <name>       the registry table; otherwise $REGISTRY_TABLE, otherwise kakunin-registry
  --risk-table <name>  that of the risk records; otherwise $RISK_TABLE, otherwise kakunin-risk
  --bucket <name>      that of the dead letters; otherwise $DEAD_LETTER_BUCKET, otherwise kakunin-dead-letters
  --json               JSON on standard output, for programs
  --help               this text

Which AWS it speaks to is for the SDK's own environment to say: AWS_REGION, AWS_PROFILE or other credentials.
For a service started with npm start, take the endpoint from its "dynamodb" line, and that of dead letters as
AWS_ENDPOINT_URL_S3 from its "s3" line; any credentials will do:

  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:… AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any \\
    npm run admin -- tenant list

Exit status: 0 done, 1 not done, 2 not understood.
`;
