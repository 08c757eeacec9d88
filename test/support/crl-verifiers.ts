import { isInstalled, openssl, runWithFiles } from './openssl.ts';

/*
 * Other people's software, asked about certificates and CRLs. Certificates are PEM, by the names that the verdicts come
 * back under.
 */

export interface Chain {
  readonly root: string;
  readonly issuing: string;
  /** PEM, one after the other: of the issuing CA, and the root's where the whole chain is checked. */
  readonly crls: string;
}

type Leaves = Readonly<Record<string, string>>;
type Verdicts = Record<string, string>;

/** Not every machine has all of them; a test that is skipped says so in its name. */
export const hasCerttool = isInstalled('certtool');
export const hasNss = runWithFiles('sh', ['-c', 'command -v certutil crlutil']).status === 0;
export const skippedWithoutCerttool = hasCerttool ? '' : ' (skipped: certtool is not installed)';
export const skippedWithoutNss = hasNss ? '' : ' (skipped: NSS’s tools are not installed)';

/** `openssl verify`, strictly, with CRLs for the whole chain: `OK`, or the errors. One process judges all. */
export function opensslVerdicts(leaves: Leaves, { root, issuing, crls }: Chain, options: readonly string[] = []): Verdicts {
  const names = Object.keys(leaves);
  const { stdout, stderr } = openssl(
    ['verify', '-x509_strict', '-crl_check_all', '-CAfile', 'root', '-untrusted', 'issuing', '-CRLfile', 'crls', ...options, ...names],
    { ...leaves, root, issuing, crls },
  );
  return readOpensslVerdicts(names, stdout, stderr);
}

/** What openssl printed, by certificate. */
export function readOpensslVerdicts(names: readonly string[], stdout: string, stderr: string): Verdicts {
  const passed = new Set(stdout.split('\n'));
  const verdicts = Object.fromEntries(names.filter((name) => passed.has(`${name}: OK`)).map((name) => [name, 'OK']));
  let errors: string[] = [];
  for (const line of stderr.split('\n')) {
    const [, error] = / lookup: (.*)$/.exec(line) ?? [];
    const [, name] = /^error (\S+): verification failed$/.exec(line) ?? [];
    if (error !== undefined) errors.push(error);
    if (name === undefined) continue;
    verdicts[name] = errors.join(', ');
    errors = [];
  }
  return verdicts;
}

/** GnuTLS, with CRLs for the whole chain: `Verified.` and the like. */
export function gnutlsVerdicts(leaves: Leaves, { root, issuing, crls }: Chain): Verdicts {
  return Object.fromEntries(Object.entries(leaves).map(([name, leaf]) => {
    const { stdout, stderr } = runWithFiles('certtool', ['--verify', '--load-ca-certificate', 'root', '--load-crl', 'crls', '--infile', 'chain'], { root, crls, chain: leaf + issuing });
    return [name, /Chain verification output: (.*)\n/.exec(stdout)?.[1] ?? stderr];
  }));
}

/**
 * NSS, for a TLS client, with CRLs that are imported one after the other.
 * @param crlDers of the issuing CA, in DER
 * @returns for each CRL `imported` or NSS's error, and for each certificate `valid` or why not
 */
export function nssVerdicts(leaves: Leaves, { root, issuing, crlDers }: Pick<Chain, 'root' | 'issuing'> & { readonly crlDers: readonly Uint8Array[] }): { crls: string[]; verdicts: Verdicts } {
  const names = Object.keys(leaves);
  const script = `mkdir db && certutil -N -d db --empty-password
certutil -A -d db -n root -t CT,, -a -i root && certutil -A -d db -n issuing -t ,, -a -i issuing
for crl in ${crlDers.map((_, index) => `crl-${index}`).join(' ')}; do crlutil -I -d db -i $crl -t 1 > out 2>&1 && echo imported || { grep -o 'SEC_ERROR[A-Z_]*' out || cat out; }; done
for leaf in ${names.join(' ')}; do certutil -A -d db -n $leaf -t ,, -a -i $leaf; certutil -V -d db -n $leaf -u C 2>&1; done`;
  const { stdout } = runWithFiles('sh', ['-c', script], { ...leaves, root, issuing, ...Object.fromEntries(crlDers.map((der, index) => [`crl-${index}`, der])) });
  const lines = stdout.trim().split('\n');
  const verdicts = lines.slice(crlDers.length).map((line) => line.replace(/^certutil: certificate is (invalid: )?/, ''));
  return { crls: lines.slice(0, crlDers.length), verdicts: Object.fromEntries(names.map((name, index) => [name, verdicts[index] ?? 'no verdict'])) };
}
