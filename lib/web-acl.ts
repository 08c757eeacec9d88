import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Stage } from 'aws-cdk-lib/aws-apigateway';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import { addressWindowSeconds, publicPathPattern } from '../lambdas/rate-limits.ts';
import { edgeHeader, viewerHeader } from './edge-mark.ts';
import { encryptedLogGroup } from './lambda.ts';
import { retainedName } from './retained-name.ts';
import type { Settings } from './settings.ts';

export interface WebAclProps {
  /** Encrypts its log. */
  readonly dataKey: IKey | undefined;
  readonly settings: Settings;
  readonly stages: readonly Stage[];
  readonly edgeSecret: ISecret;
}

type Statement = CfnWebACL.StatementProperty;

/**
 * The firewall before the API: so many requests of one address. What it refuses API Gateway answers, as WAF_FILTERED (gateway-responses.ts),
 * since the firewall's own answers can name no request id. Not before CloudFront, whose firewalls are made in us-east-1 alone, in a stack of
 * their own; what CloudFront does not answer from its cache is counted here.
 */
export class WebAcl extends Construct {
  constructor(scope: Construct, id: string, { settings: { deployment, addressLimits }, stages, edgeSecret, dataKey }: WebAclProps) {
    super(scope, id);
    const visible = (metricName: string) => ({
      metricName: `${deployment}-${metricName}`, cloudWatchMetricsEnabled: true,
      // Samples show every header, API keys included, to whoever may look at the console.
      sampledRequestsEnabled: false,
    });
    const rateRule = (name: string, limit: number, scopeDownStatement: Statement, by: Partial<CfnWebACL.RateBasedStatementProperty> = {}): Omit<CfnWebACL.RuleProperty, 'priority'> => ({
      name,
      statement: { rateBasedStatement: { aggregateKeyType: 'IP', evaluationWindowSec: addressWindowSeconds, limit, scopeDownStatement, ...by } },
      action: { block: {} },
      visibilityConfig: visible(name),
    });
    const throughCloudFront: Statement = {
      byteMatchStatement: {
        fieldToMatch: { singleHeader: { Name: edgeHeader } }, searchString: edgeSecret.secretValue.unsafeUnwrap(),
        positionalConstraint: 'EXACTLY', textTransformations: [{ priority: 0, type: 'NONE' }],
      },
    };
    const direct: Statement = { notStatement: { statement: throughCloudFront } };
    const publicPath: Statement = {
      regexMatchStatement: { fieldToMatch: { uriPath: {} }, regexString: publicPathPattern, textTransformations: [{ priority: 0, type: 'URL_DECODE' }, { priority: 1, type: 'NORMALIZE_PATH' }] },
    };
    const rules = [
      // Of the API CloudFront leads to public paths alone (api-behaviors.ts).
      rateRule('viewer', addressLimits.publicRequests, throughCloudFront, { aggregateKeyType: 'FORWARDED_IP', forwardedIpConfig: { headerName: viewerHeader, fallbackBehavior: 'NO_MATCH' } }),
      rateRule('address-public', addressLimits.publicRequests, { andStatement: { statements: [direct, publicPath] } }),
      rateRule('address', addressLimits.requests, direct),
      ...watchedGroups.map((name): Omit<CfnWebACL.RuleProperty, 'priority'> => ({
        name, statement: { managedRuleGroupStatement: { vendorName: 'AWS', name } }, overrideAction: { count: {} }, visibilityConfig: visible(name),
      })),
    ];
    const acl = new CfnWebACL(this, 'WebAcl', {
      name: deployment,
      description: `Kakunin ${deployment}: how often an address may ask`,
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      rules: rules.map((rule, priority) => ({ priority, ...rule })),
      visibilityConfig: visible('web-acl'),
    });
    for (const [index, { stageArn }] of stages.entries()) new CfnWebACLAssociation(this, `Association${index || ''}`, { resourceArn: stageArn, webAclArn: acl.attrArn });
    this.log(deployment, acl, dataKey);
  }

  /** Who was refused, or looked at twice, and when; like API Gateway's access log, never an API key nor what was asked for. */
  private log(deployment: string, acl: CfnWebACL, dataKey: IKey | undefined): void {
    // Whatever the firewall logs to has to be called so.
    const logGroupName = retainedName(this, `aws-waf-logs-${deployment}`);
    const logGroup = encryptedLogGroup(this, 'Log', dataKey, { logGroupName, retention: RetentionDays.ONE_YEAR, removalPolicy: RemovalPolicy.RETAIN });
    const conditions = ['BLOCK', 'COUNT', 'EXCLUDED_AS_COUNT'].map((Action) => ({ ActionCondition: { Action } }));
    new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [Stack.of(this).formatArn({ service: 'logs', resource: 'log-group', resourceName: logGroup.logGroupName, arnFormat: ArnFormat.COLON_RESOURCE_NAME })],
      loggingFilter: { DefaultBehavior: 'DROP', Filters: [{ Behavior: 'KEEP', Requirement: 'MEETS_ANY', Conditions: conditions }] },
      redactedFields: [
        ...['authorization', 'cookie', 'idempotency-key', 'x-api-key', edgeHeader].map((Name) => ({ singleHeader: { Name } })),
        { uriPath: {} },
        { queryString: {} },
      ],
    });
  }
}

/*
 * AWS's own groups of rules say who probes, in metrics and the log, and refuse nobody. An address that did harm elsewhere, as most of the
 * clouds' did once, may have an agent to halt. And a report of what an agent was sent, ${jndi:…} for instance, looks like what it reports:
 * refused, the attack would keep itself from being told. What these rules look for, in Java and the like, is not here to be hit.
 * The core rule set is left out altogether: bodies may be longer than its 8 KB, OCSP clients name no User-Agent, and payloads are any text.
 * https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
 */
const watchedGroups = ['AWSManagedRulesAmazonIpReputationList', 'AWSManagedRulesKnownBadInputsRuleSet'];
