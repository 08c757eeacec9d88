import { metrics, type MetricDefinition } from '../../lambdas/metrics.ts';
import { prices, tiered } from './prices.ts';
import { usageOf, type Operation, type Usage } from './usage.ts';

/** What goes on in a month of 30 days. */
export interface Volume {
  /** With an active certificate, each with a key of its own. */
  readonly agents: number;
  /** Certificates issued for agents that had none. */
  readonly certifications: number;
  readonly renewals: number;
  readonly revocations: number;
  readonly signatures: number;
  readonly events: number;
  /** Verifications by serial number at GET /verify. */
  readonly verifications: number;
  readonly messageVerifications: number;
  /** Asked of the URL in certificates, and the share (0–1) that CloudFront answers by itself. */
  readonly ocspRequests: number;
  readonly ocspCached: number;
  readonly crlDownloads: number;
  /** Webhook deliveries. */
  readonly deliveries: number;
  /** How long the service has been storing at this rate, for what nobody deletes. */
  readonly monthsStored: number;
}

export interface BillLine {
  readonly service: string;
  readonly what: string;
  readonly usd: number;
}

const hours = 30 * 24;

/* Assumptions: what no measurement on one machine tells. docs/cost.md gives their reasons. */
export const assumptions = {
  /** Of a request to the API, its calls of AWS included. */
  requestSeconds: 0.15,
  /** Of a function that a stream, a queue or the clock calls. */
  consumerSeconds: 0.5,
  memoryGb: 0.5,
  /** What API Gateway and Lambda log of a request. */
  logBytesPerRequest: 1_500,
  /** Three months of functions' logs and a year of access logs, on average. */
  logMonthsKept: 6,
  /** Of an answer of the API, a CRL, an OCSP response. */
  answerBytes: 3_000,
  crlBytesPerEntry: 37,
  /** Lambda's pollers of a queue, each of which asks every 20 s. */
  pollersPerQueue: 5,
  /** Values of a metric's dimension that there are in a month, each billed as a metric: codes, causes, operations. */
  valuesPerDimension: 4,
} as const;

/** What of the stack costs money whether it is used or not; test/bin/cost.test.ts counts it in the synthesized template. */
export const standing = {
  /** Root, issuing, OCSP, attestation, webhooks' secrets. */
  keys: 5,
  /** That a function is called for, whose pollers ask all day long. */
  queues: 2,
  /** That CloudFront shows to the firewall. */
  secrets: 1,
  crlShards: 16,
  alarms: 31,
  wafRules: 5,
} as const;

const ownMetrics = Object.values<MetricDefinition>(metrics).reduce((sum, { dimension }) => sum + (dimension === undefined ? 1 : assumptions.valuesPerDimension), 0);

/** What a month costs, by AWS service, in US dollars. */
export function billOf(volume: Volume): BillLine[] {
  const { agents, certifications, renewals, revocations, signatures, events, verifications, messageVerifications, crlDownloads, deliveries, monthsStored } = volume;
  const ended = renewals + revocations;
  const ocspAnswered = volume.ocspRequests * (1 - volume.ocspCached);
  const performed: Readonly<Record<Operation, number>> = {
    register: certifications, certify: certifications, renew: renewals, revoke: revocations, sign: signatures,
    verify: verifications, verifyMessage: messageVerifications, ocsp: ocspAnswered, event: events,
  };
  const used = (what: keyof Usage) => Object.entries(performed).reduce((sum, [operation, times]) => sum + times * usageOf[operation as Operation][what], 0);

  const requests = Object.values(performed).reduce((sum, times) => sum + times, 0);
  const changes = certifications * 2 + ended + signatures;
  // The relay for each change, CRLs and the key for each end, auto-revoke for each event, deliveries.
  const consumed = changes + 2 * ended + events + deliveries + 5 * hours;
  // The reconciler looks at each key hourly, those of the last 30 days that wait for their deletion included.
  const keysLookedAt = (agents + ended) * hours;
  // Each shard's and the complete one, every hour.
  const scheduledCrls = (standing.crlShards + 1) * hours;
  const storedGb = used('storedBytes') * monthsStored / 1e9;
  const logGb = requests * assumptions.logBytesPerRequest / 1e9;
  const crlGb = crlDownloads * (ended * 12 / standing.crlShards * assumptions.crlBytesPerEntry + 1_000) / 1e9;

  return [
    line('KMS', `${integer(agents)} keys of agents`, agents * prices.kmsKeyMonth),
    line('KMS', `${standing.keys} keys of the CA and of webhooks' secrets`, standing.keys * prices.kmsKeyMonth),
    line('KMS', 'signatures and other requests', (used('kmsRequests') + keysLookedAt) * prices.kmsRequest + (used('kmsRequestsLongRsa') + scheduledCrls) * prices.kmsRequestLongRsa),
    line('API Gateway', `${integer(requests)} requests`, tiered(requests, prices.apiRequest)),
    line('Lambda', `${integer(requests + consumed)} invocations`, (requests + consumed) * prices.lambdaRequest
      + (requests * assumptions.requestSeconds + consumed * assumptions.consumerSeconds) * assumptions.memoryGb * prices.lambdaGbSecond),
    line('DynamoDB', 'requests', (used('readUnits') + 3 * keysLookedAt) * prices.dynamodbReadUnit + used('writeUnits') * prices.dynamodbWriteUnit),
    line('DynamoDB', `${storedGb.toFixed(2)} GB, with point-in-time recovery`, storedGb * (prices.dynamodbGbMonth + prices.dynamodbRecoveryGbMonth)),
    line('S3', 'CRLs and the audit archive', used('s3Writes') * prices.s3Write + used('s3Reads') * prices.s3Read + scheduledCrls * (prices.s3Write + prices.s3Read)),
    line('SQS', 'retired keys and webhooks', (used('sqsRequests') + 3 * deliveries + standing.queues * assumptions.pollersPerQueue * 3 * 60 * hours) * prices.sqsRequest),
    line('EventBridge', `${integer(used('busEvents'))} events`, used('busEvents') * prices.busEvent),
    line('CloudFront', 'OCSP and CRLs', (volume.ocspRequests + crlDownloads) * prices.cloudfrontRequest + (crlGb + volume.ocspRequests * assumptions.answerBytes / 1e9) * prices.cloudfrontGb),
    line('CloudWatch', `${logGb.toFixed(1)} GB of logs`, logGb * (prices.logGb + assumptions.logMonthsKept * prices.logGbMonth)),
    line('CloudWatch', `${standing.alarms} alarms, ${ownMetrics} metrics, a dashboard`, standing.alarms * prices.alarmMonth + ownMetrics * prices.metricMonth + prices.dashboardMonth),
    line('WAF', `${standing.wafRules} rules`, prices.wafAclMonth + standing.wafRules * prices.wafRuleMonth + requests * prices.wafRequest),
    line('Secrets Manager', 'what CloudFront shows to the firewall', standing.secrets * prices.secretMonth),
    line('Data transfer', 'answers', requests * assumptions.answerBytes / 1e9 * prices.transferOutGb),
  ];
}

export const total = (lines: readonly BillLine[]) => lines.reduce((sum, { usd }) => sum + usd, 0);

const line = (service: string, what: string, usd: number): BillLine => ({ service, what, usd });

export const integer = (value: number) => Math.round(value).toLocaleString('en');
