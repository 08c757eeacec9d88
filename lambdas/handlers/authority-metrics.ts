import type { Authority } from '../authority/ports.ts';
import { log } from '../log.ts';
import { describeCertificate, pemToDer } from '../pki/certificate.ts';
import { environment } from './environment.ts';
import { measurement, type Measurements } from './metrics.ts';
import { clock, registry } from './services.ts';

const metricOf = { root: 'RootCaTimeLeft', issuing: 'IssuingCaTimeLeft', ocsp: 'OcspSignerTimeLeft', attestation: 'AttestationSignerTimeLeft' } as const satisfies Record<Authority['role'], keyof Measurements>;

/** Measures for how long the certificates of the authorities hold: of the issuing CA that issues now, and of the OCSP responder that ends first. */
export async function logTimesLeft(name: string): Promise<void> {
  const generations = environment('issuingGenerations');
  const authorities = await Promise.all([
    ...(['root', 'attestation'] as const).map((role) => registry().getAuthority(role)),
    registry().getAuthority('issuing', generations[0]),
    ...generations.map((generation) => registry().getAuthority('ocsp', generation)),
  ]);
  const present = authorities.flatMap((authority) => authority ?? []).toSorted((a, b) => secondsLeft(b) - secondsLeft(a));
  log.info(name, measurement(Object.fromEntries(present.map((authority) => [metricOf[authority.role], secondsLeft(authority)]))));
}

const secondsLeft = ({ certificatePem }: Authority) => Math.max(0, Math.round((describeCertificate(pemToDer(certificatePem)).notAfter.getTime() - clock().getTime()) / 1000));
