import { integer, type BillLine, type Volume } from './bill.ts';
import { prices, tiered } from './prices.ts';

const weeksPerMonth = 30 / 7;

/**
 * What AWS Private CA costs for the same hierarchy and the same certificates. It is about certificates alone: agents' keys in KMS,
 * the API, revocation by risk and the audit trail would come on top.
 */
export function privateCaBills({ agents, certifications, renewals }: Volume): Readonly<Record<string, readonly BillLine[]>> {
  const issued = certifications + renewals;
  const weekly = agents * weeksPerMonth;
  return {
    'general-purpose mode': [
      { service: 'Private CA', what: 'a root and an issuing CA', usd: 2 * prices.privateCaMonth },
      { service: 'Private CA', what: `${integer(issued)} certificates`, usd: tiered(issued, prices.privateCaCertificate) },
      { service: 'Private CA', what: `OCSP for ${integer(agents)} certificates`, usd: agents * prices.privateCaOcspCertificateMonth },
    ],
    'short-lived mode, 7 days': [
      { service: 'Private CA', what: 'a root and an issuing CA', usd: prices.privateCaMonth + prices.privateCaShortLivedMonth },
      { service: 'Private CA', what: `${integer(weekly)} certificates, one a week and agent`, usd: weekly * prices.privateCaShortLivedCertificate },
    ],
  };
}
