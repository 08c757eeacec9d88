import { buildCrl, crlToPem, verifyCrlSignature } from '../pki/crl.ts';
import { pemToDer } from '../pki/pem.ts';
import { subjectPublicKeyInfoOf } from '../pki/tbs-certificate.ts';
import type { CrlScope } from './crl-scope.ts';
import type { Authority, CrlRecords, CrlStamp, Distribution, KeyManagement, Publication, PublishedHead } from './ports.ts';
import { sideBySide, valuesOf } from './side-by-side.ts';

export interface CrlServices {
  readonly crls: CrlRecords;
  readonly distribution: Distribution;
  readonly keys: Pick<KeyManagement, 'signDigest'>;
  /** Who signs. */
  readonly issuer: (issuer: CrlScope['issuer']) => Promise<Authority>;
  readonly clock: () => Date;
}

/** Caches may keep a CRL for no longer: a revocation must be seen soon. */
const maxAgeSeconds = 60;

/**
 * Publishes a CRL anew. There is no lock: its number is drawn before its entries are read, so that of any number of
 * publications at once the one with the greatest number has everything that was revoked before any of them began, and
 * one with a smaller number never replaces it.
 *
 * Entries of certificates that expired are left out once a CRL with them was published after they did, and all CRLs from
 * before have ended: RFC 5280 §3.3 wants them on one that was published by the clock, not on one between two revocations.
 * @returns the stamp of the CRL that is published when this ends: this one, or one with a greater number.
 * @throws Error where the signature that KMS made does not verify, Refusal KMS_…, REGISTRY_UNAVAILABLE,
 *   DISTRIBUTION_UNAVAILABLE; nothing was published then, unless it was the answer to that that was lost.
 */
export async function publishCrl(services: CrlServices, scope: CrlScope): Promise<CrlStamp> {
  return publishOver(services, scope, await services.distribution.head(scope.path));
}

/** Publishes the CRL if there is none, in one of its forms, or if the one that is out is due to be replaced or not valid yet. */
export async function refreshCrl(services: CrlServices, scope: CrlScope): Promise<CrlStamp> {
  const { path, pemPath, replacedAfterSeconds } = scope;
  const [published, pem] = await Promise.all([path, pemPath ?? path].map(services.distribution.head));
  const isOut = published?.crl !== undefined && pem?.crl !== undefined && pem.crl.number >= published.crl.number;
  if (!isOut) return publishOver(services, scope, published);
  const ageMilliseconds = services.clock().getTime() - Date.parse(published.crl.thisUpdate);
  const isFresh = ageMilliseconds > -clockSkewMilliseconds && ageMilliseconds < replacedAfterSeconds * 1000;
  return isFresh ? published.crl : publishOver(services, scope, published);
}

/** By how much the clocks of two publishers may differ. One that is further ahead than this is wrong, and not followed. */
const clockSkewMilliseconds = 300_000;

async function publishOver(services: CrlServices, scope: CrlScope, published: PublishedHead | undefined): Promise<CrlStamp> {
  const { crls, distribution, clock } = services;
  const now = clock().getTime();
  const drawn = await crls.drawCrlNumber(scope.path, published?.crl?.number ?? 0n, { now: wholeSecond(now), latest: wholeSecond(now + clockSkewMilliseconds) });
  const crl: CrlStamp = { ...drawn, nextUpdate: wholeSecond(Date.parse(drawn.thisUpdate) + scope.validitySeconds * 1000) };
  const lifeAgo = wholeSecond(now - scope.validitySeconds * 1000);
  const before = published?.crl?.thisUpdate ?? beforeAll;
  const crlDer = await signedCrl(services, scope, crl, before < lifeAgo ? before : lifeAgo);
  const publication = { cacheControlMaxAgeSeconds: maxAgeSeconds, crl };
  const current = await write(distribution, scope.path, crlDer, { ...publication, contentType: 'application/pkix-crl' }, published);
  if (current.number === crl.number && scope.pemPath !== undefined) {
    await write(distribution, scope.pemPath, crlToPem(crlDer), { ...publication, contentType: 'application/x-pem-file' }, await distribution.head(scope.pemPath));
  }
  return current;
}

const wholeSecond = (milliseconds: number) => new Date(Math.floor(milliseconds / 1000) * 1000).toISOString();

const beforeAll = new Date(0).toISOString();

async function signedCrl({ crls, keys, issuer: issuerOf }: CrlServices, { issuer, shards, issuingDistributionPoint }: CrlScope, crl: CrlStamp, expiredBy: string): Promise<Uint8Array> {
  const { keyArn, certificatePem } = await issuerOf(issuer);
  const issuerCertificateDer = pemToDer(certificatePem);
  const unsigned = buildCrl({
    issuerCertificateDer,
    thisUpdate: new Date(crl.thisUpdate),
    nextUpdate: new Date(crl.nextUpdate),
    crlNumber: crl.number,
    entries: await readEntries(crls, shards, expiredBy),
    issuingDistributionPoint,
  });
  const crlDer = unsigned.withSignature(await keys.signDigest(keyArn, unsigned.digest));
  if (!verifyCrlSignature(crlDer, subjectPublicKeyInfoOf(issuerCertificateDer))) {
    throw new Error(`The signature that KMS made with ${keyArn} does not verify with the certificate of the CRL’s issuer.`);
  }
  return crlDer;
}

// A page of one shard is some 8,000 entries; more shards at once would hold more of them in their bulky form.
const shardsAtOnce = 4;

/** Joined, and none of them left in another form: there may be a million. */
async function readEntries(crls: CrlRecords, shards: CrlScope['shards'], expiredBy: string): Promise<Uint8Array> {
  const parts = valuesOf(await sideBySide(shards, shardsAtOnce, (shard) => crls.readCrlEntries(shard, expiredBy)));
  return Buffer.concat(parts.flat());
}

// Each loss is the victory of another, with a smaller number, and no more than some dozen publish at once.
const attempts = 100;

/** Writes over what is known to be there, unless a CRL with as great a number is by then; answers which one is there now. */
async function write(
  distribution: Distribution, path: string, body: Uint8Array, publication: Publication & { readonly crl: CrlStamp }, known: PublishedHead | undefined,
): Promise<CrlStamp> {
  let published = known;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (published?.crl !== undefined && published.crl.number >= publication.crl.number) return published.crl;
    if (await distribution.write(path, body, { ...publication, ifMatch: published?.etag ?? 'absent' })) return publication.crl;
    published = await distribution.head(path);
  }
  throw new Error(`${path} kept being replaced while number ${publication.crl.number} was to be published.`);
}
