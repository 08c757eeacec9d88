import { describeCertificate } from '../../lambdas/pki/certificate-description.ts';
import { crlToPem } from '../../lambdas/pki/crl.ts';
import { pemToDer } from '../../lambdas/pki/pem.ts';
import { insist } from './failure.ts';
import type { Openssl, OpensslResult } from './openssl.ts';

export interface Chain {
  readonly root: string;
  readonly issuing: string;
  /** The agent's certificate. */
  readonly agent: string;
}

/** Somebody who is shown the agent's certificate, has only openssl and the root, and goes where the certificates point. */
export interface RelyingParty {
  /** Verifies the chain with the CRLs of now. */
  verify(): Promise<OpensslResult>;
  /** Asks the OCSP responder. */
  askResponder(): Promise<OpensslResult>;
}

const crlCheck = ['verify', '-x509_strict', '-crl_check_all', '-CRLfile', 'crls.pem', '-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'agent.pem'];

/**
 * @param chain certificates in PEM
 * @param fetch another way to where the certificates point
 */
export async function relyingParty(openssl: Openssl, chain: Chain, signal: AbortSignal, fetch = globalThis.fetch): Promise<RelyingParty> {
  for (const [name, pem] of Object.entries(chain)) await openssl.write(`${name}.pem`, pem);
  await openssl.write('ca.pem', chain.issuing + chain.root);
  const [agent, issuing] = [chain.agent, chain.issuing].map((pem) => describeCertificate(pemToDer(pem)));
  const crlUrls = [...(agent?.crlDistributionPoints ?? []), ...(issuing?.crlDistributionPoints ?? [])];
  const responder = agent?.ocsp[0] ?? '';

  const download = async (url: string) => {
    const response = await fetch(url, { signal });
    insist(response.ok, `GET ${url} must answer with a CRL, and it answered ${response.status}.`);
    return crlToPem(new Uint8Array(await response.arrayBuffer())).toString();
  };
  return {
    async verify() {
      await openssl.write('crls.pem', (await Promise.all(crlUrls.map(download))).join(''));
      return openssl.run(...crlCheck);
    },
    askResponder: () => openssl.run('ocsp', '-issuer', 'issuing.pem', '-cert', 'agent.pem', '-url', responder, '-CAfile', 'ca.pem'),
  };
}
