/*
 * List prices in eu-west-1, in US dollars, without taxes, free tiers and discounts. From AWS's public price list
 * (https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/current/eu-west-1/index.json) of September and October 2026
 * where nothing else is said, and from the pricing pages otherwise.
 */
export const prices = {
  // https://aws.amazon.com/kms/pricing/
  kmsKeyMonth: 1,
  kmsRequest: 0.03 / 10_000,
  /** With asymmetric keys other than RSA_2048. */
  kmsRequestLongRsa: 0.15 / 10_000,
  dynamodbReadUnit: 0.1415 / 1e6,
  dynamodbWriteUnit: 0.705 / 1e6,
  dynamodbGbMonth: 0.283,
  /** Point-in-time recovery, by the size of the table. */
  dynamodbRecoveryGbMonth: 0.22,
  lambdaRequest: 0.2 / 1e6,
  /** On arm64: https://aws.amazon.com/lambda/pricing/ */
  lambdaGbSecond: 0.0000133334,
  // REST APIs, by requests a month: https://aws.amazon.com/api-gateway/pricing/
  apiRequest: [[333e6, 3.5 / 1e6], [1000e6, 2.8 / 1e6], [20_000e6, 2.38 / 1e6], [Infinity, 1.51 / 1e6]],
  // https://aws.amazon.com/waf/pricing/
  wafAclMonth: 5,
  wafRuleMonth: 1,
  wafRequest: 0.6 / 1e6,
  // Europe, the first 10 TB: https://aws.amazon.com/cloudfront/pricing/
  cloudfrontRequest: 0.009 / 10_000,
  cloudfrontGb: 0.085,
  transferOutGb: 0.09,
  s3GbMonth: 0.023,
  s3Write: 0.005 / 1_000,
  s3Read: 0.004 / 10_000,
  // https://aws.amazon.com/sqs/pricing/
  sqsRequest: 0.4 / 1e6,
  // https://aws.amazon.com/eventbridge/pricing/
  busEvent: 1 / 1e6,
  logGb: 0.57,
  logGbMonth: 0.03,
  alarmMonth: 0.1,
  metricMonth: 0.3,
  /** The first three of an account are free. https://aws.amazon.com/cloudwatch/pricing/ */
  dashboardMonth: 3,
  secretMonth: 0.4,
  // AWS Private CA: https://aws.amazon.com/private-ca/pricing/
  privateCaMonth: 400,
  /** A CA of the mode for certificates of 7 days at the most. */
  privateCaShortLivedMonth: 50,
  privateCaCertificate: [[1_000, 0.75], [10_000, 0.35], [Infinity, 0.001]],
  privateCaShortLivedCertificate: 0.058,
  /** A month and certificate that somebody has asked about. */
  privateCaOcspCertificateMonth: 0.06,
} as const satisfies Record<string, number | Tiers>;

/** Prices of one by how many there are in a month: each with the number up to which it holds. */
export type Tiers = readonly (readonly [upTo: number, price: number])[];

/** What `count` of something cost whose price falls with their number. */
export function tiered(count: number, tiers: Tiers): number {
  let [cost, from] = [0, 0];
  for (const [upTo, price] of tiers) {
    cost += Math.max(0, Math.min(count, upTo) - from) * price;
    from = upTo;
  }
  return cost;
}
