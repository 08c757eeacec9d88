/*
 * What the functions measure, beside what AWS measures of them. lib/ draws it and sounds alarms on it; lambdas/handlers/metrics.ts
 * puts it into the log, where CloudWatch finds it.
 */

export const metricNamespace = 'Kakunin';

export interface MetricDefinition {
  readonly unit: 'Count' | 'Milliseconds' | 'Seconds';
  /** What it is told apart by, beside the deployment: few values, for CloudWatch bills each as a metric. */
  readonly dimension?: 'Cause' | 'Code' | 'Operation';
  readonly meaning: string;
}

export const metrics = {
  CertificatesIssued: { unit: 'Count', meaning: 'certificates issued, renewals included' },
  CertificatesRevoked: { unit: 'Count', dimension: 'Cause', meaning: 'certificates revoked, by reason code, or "risk" where the service did it itself' },
  IssuancesRefused: { unit: 'Count', dimension: 'Code', meaning: 'certify and renew that ended in an error, by its code' },
  KmsThrottles: { unit: 'Count', dimension: 'Operation', meaning: 'requests of certify and renew that KMS throttled, repetitions included' },

  AutoRevocationLatency: { unit: 'Milliseconds', meaning: 'from a risk record being written to the certificate being revoked' },
  CrlPublicationLatency: { unit: 'Milliseconds', meaning: 'from a revocation to its CRLs being out' },
  KeyRetirementLatency: { unit: 'Milliseconds', meaning: 'from a certificate’s end to its key’s deletion being scheduled' },

  CrlAge: { unit: 'Seconds', meaning: 'since the oldest of the published CRLs was made' },
  CrlTimeLeft: { unit: 'Seconds', meaning: 'until the first of the published CRLs is out of date; 0 where one is missing' },
  RootCaTimeLeft: { unit: 'Seconds', meaning: 'until the root’s certificate ends' },
  IssuingCaTimeLeft: { unit: 'Seconds', meaning: 'until the issuing CA’s certificate ends' },
  OcspSignerTimeLeft: { unit: 'Seconds', meaning: 'until the OCSP responder’s certificate ends' },
  AttestationSignerTimeLeft: { unit: 'Seconds', meaning: 'until the certificate of what signs receipts and audit heads ends' },

  KeysReconciled: { unit: 'Count', meaning: 'agents’ keys that the reconciler looked at' },
  KeysInAccount: { unit: 'Count', meaning: 'KMS keys of the account in this Region, whatever they are for; KMS holds 100,000' },
  AbandonedKeys: { unit: 'Count', meaning: 'keys that no certificate had, found by the reconciler' },
  DeadLeases: { unit: 'Count', meaning: 'issuances that somebody had died in, found by the reconciler' },
  MissingEffects: { unit: 'Count', meaning: 'ends of certificates whose effects were missing, found by the reconciler' },
  UnansweredRisks: { unit: 'Count', meaning: 'risk records that should have revoked and had not, found by the reconciler' },
  OverdueExpiries: { unit: 'Count', meaning: 'expiries that were not noted, found by the reconciler' },
  ReconcilerFailures: { unit: 'Count', meaning: 'what the reconciler could not look at or mend' },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metrics;
