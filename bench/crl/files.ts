import { randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateToPem } from '../../lambdas/pki/certificate.ts';
import { encodeRevokedCertificate, type RevokedCertificate } from '../../lambdas/pki/crl.ts';
import { benchAuthority } from '../harness/authority.ts';

export interface CrlParameters {
  /** RFC 3339, whole seconds. */
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  readonly crlNumber: number;
}

/** What openssl calls the reasons that it knows too, by their code (RFC 5280 §5.3.1); unspecified has no name in its database. */
const opensslReasons = ['', ',keyCompromise', ',CACompromise', ',affiliationChanged', ',superseded', ',cessationOfOperation'];
const DAY_MILLISECONDS = 86_400_000;
const NEXT_UPDATE_MILLISECONDS = 25 * 3_600_000;
const batchEntries = 10_000;

/**
 * Writes what each side starts from for one and the same CRL: the authority's certificate and key, the DER of each entry
 * as the registry holds it, openssl's configuration and its database.
 */
export async function writeCrlFiles(directory: string, count: number): Promise<void> {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const authority = benchAuthority(new Date(now - 2 * DAY_MILLISECONDS));
  const parameters: CrlParameters = { thisUpdate: new Date(now).toISOString(), nextUpdate: new Date(now + NEXT_UPDATE_MILLISECONDS).toISOString(), crlNumber: 4711 };
  const files = {
    'ca.pem': certificateToPem(authority.certificateDer),
    'ca.key': authority.key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    'parameters.json': JSON.stringify(parameters),
    'openssl.cnf': opensslConfiguration,
    crlnumber: `${parameters.crlNumber.toString(16)}\n`,
    nothing: '',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);

  const [entries, database] = await Promise.all([open(join(directory, 'entries.der'), 'w'), open(join(directory, 'everything'), 'w')]);
  try {
    for (let first = 0; first < count; first += batchEntries) {
      const batch = Array.from({ length: Math.min(batchEntries, count - first) }, (_, index) => revokedCertificate(first + index, count, now));
      await entries.write(Buffer.concat(batch.map(encodeRevokedCertificate)));
      await database.write(batch.map(databaseLine).join(''));
    }
  } finally {
    await Promise.all([entries.close(), database.close()]);
  }
}

/** Serial numbers ascend, as openssl sorts them, and are random below their first four octets. */
function revokedCertificate(index: number, count: number, now: number): RevokedCertificate {
  const octets = randomBytes(16);
  octets.writeUInt32BE(0x01000000 + Math.floor((index * 0x7e000000) / count));
  return { serialNumber: octets.toString('hex').toUpperCase(), revocationDate: new Date(now - (index % 86_400) * 1000), reasonCode: index % opensslReasons.length };
}

/** Status, expiry, revocation with its reason, serial number, file, subject: https://docs.openssl.org/3.0/man1/openssl-ca/ */
function databaseLine({ serialNumber, revocationDate, reasonCode }: RevokedCertificate): string {
  return `R\t491231235959Z\t${opensslTime(revocationDate)}${opensslReasons[reasonCode]}\t${serialNumber}\tunknown\t/CN=${serialNumber}\n`;
}

/** YYMMDDHHMMSSZ. */
export const opensslTime = (date: Date) => date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '') + 'Z';

/** Sections by database: everything revoked, and nothing. The extensions come out in the order that ours have: the CRL number stands last. */
const opensslConfiguration = `${['everything', 'nothing'].map((database) => `[${database}]
database = ${database}
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
crl_extensions = extensions
`).join('')}[extensions]
authorityKeyIdentifier = keyid
`;
