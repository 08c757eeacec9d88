import type { Authority } from '../authority/ports.ts';
import { log } from '../log.ts';
import { describeCertificate, pemToDer } from '../pki/certificate.ts';
import { measurement, type Measurements } from './metrics.ts';
import { clock, registry } from './services.ts';

const metricOf = { root: 'RootCaTimeLeft', issuing: 'IssuingCaTimeLeft', ocsp: 'OcspSignerTimeLeft', attestation: 'AttestationSignerTimeLeft' } as const satisfies Record<Authority['role'], keyof Measurements>;

/** Measures for how long the certificates of the authorities hold. */
export async function logTimesLeft(name: string): Promise<void> {
  const roles = Object.keys(metricOf) as Authority['role'][];
  const authorities = await Promise.all(roles.map((role) => registry().getAuthority(role)));
  const left = authorities.flatMap((authority) => (authority === undefined ? [] : [[metricOf[authority.role], secondsLeft(authority)] as const]));
  log.info(name, measurement(Object.fromEntries(left)));
}

const secondsLeft = ({ certificatePem }: Authority) => Math.max(0, Math.round((describeCertificate(pemToDer(certificatePem)).notAfter.getTime() - clock().getTime()) / 1000));
