import { readTrust, type SignedMessage, type VerifiedMessage, type Verdict, verifyMessage, type VerifyOptions } from 'kakunin/verify';

const options: VerifyOptions = { revocation: 'required for all' };

/**
 * Verifies what agents signed, offline but for the CRLs: each is downloaded when a certificate first needs it. Where a CRL cannot be had, nothing it covers is valid.
 * @param authorities the CA certificates in PEM, from a time when you trusted the connection
 * @param crlSeconds how long a CRL is kept, and so how late a revocation may be seen
 * @throws Error where the authorities cannot be read
 */
export function openVerifier(authorities: string, crlSeconds = 60): (message: SignedMessage) => Promise<Verdict<VerifiedMessage>> {
  const crls = new Map<string, Uint8Array>();
  let trust = readTrust({ authorities });
  if (trust.problems.length > 0) throw new Error(trust.problems.join(' '));
  let since = Date.now();

  return async (message) => {
    if (Date.now() - since > crlSeconds * 1000) {
      crls.clear();
      trust = readTrust({ authorities });
      since = Date.now();
    }
    const verdict = await verifyMessage(message, trust, options);
    if (verdict.valid || verdict.reason !== 'revocation_unknown') return verdict;
    // The URLs can be followed, the CA has signed them: of the agents' CRL and of the root's, about the CA itself.
    await Promise.all(verdict.crlUrls.map(async (url) => {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
      if (response?.ok) crls.set(url, new Uint8Array(await response.arrayBuffer()));
    }));
    trust = readTrust({ authorities, crls: [...crls.values()] });
    return verifyMessage(message, trust, options);
  };
}
