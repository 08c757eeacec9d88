/** Reason codes of RFC 5280 §5.3.1, by the names the RFC gives them. */
export const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type ReasonCode = keyof typeof reasonCodes;

/**
 * The reasons a caller may give. certificateHold and removeFromCRL are missing: a revocation here is final, so there is
 * nothing to hold and nothing to lift.
 */
export const finalReasonCodes = (Object.keys(reasonCodes) as ReasonCode[]).filter(
  (code) => code !== 'certificateHold' && code !== 'removeFromCRL',
);
