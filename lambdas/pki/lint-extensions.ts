import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type CertifiedAgent, modelText } from './certified-agent.ts';
import { DerError, readDer } from './der-reader.ts';
import { derNotation } from './der-values.ts';
import { crlShardUrl, issuingCertificateUrl, ocspUrl, rootCertificateUrl, rootCrlUrl } from './distribution-urls.ts';
import { hexOf } from './hexadecimal.ts';
import { generationOfShard } from './issuing-generation.ts';
import { OID } from './object-identifiers.ts';
import { agentUri, agentUrn, type ProfileSettings, type ServiceProfile } from './profile.ts';
import type { ExtensionFields } from './tbs-certificate.ts';

/** An extension as it must be. */
export interface ExpectedExtension {
  readonly name: string;
  readonly oid: string;
  readonly critical: boolean;
  /** The value in derNotation, which is to say: byte for byte. */
  readonly value: string;
  readonly source: string;
}

/** Refuses every extension that is missing, twice there, unknown, of the wrong criticality or of another value. */
export function* extensionRefusals(found: readonly ExtensionFields[], expected: readonly ExpectedExtension[]): Iterable<string> {
  for (const { oid } of found.filter((extension, index) => found.findIndex(({ oid: other }) => other === extension.oid) < index)) {
    yield `extension ${oid} appears more than once (RFC 5280 §4.2)`;
  }
  for (const { oid } of found.filter((extension) => !expected.some(({ oid: known }) => known === extension.oid))) {
    yield `extension ${oid} is not part of the profile (certificate profile)`;
  }
  for (const { name, oid, critical, value, source } of expected) {
    const extension = found.find((candidate) => candidate.oid === oid);
    if (extension === undefined) {
      yield `${name} is missing (${source})`;
      continue;
    }
    if (extension.defaultEncoded) yield `${name} encodes critical FALSE, the default (X.690 §11.5)`;
    if (extension.critical !== critical) yield `${name} is ${critical ? 'not ' : ''}critical (${source})`;
    const foundValue = notationOf(extension.value);
    if (foundValue !== value) yield `${name} is ${foundValue}, not ${value} (${source})`;
  }
}

/** The extensions of an agent's certificate. */
export function expectedOfAgent(input: {
  readonly agent: CertifiedAgent;
  readonly settings: ProfileSettings;
  readonly crlShard: number | undefined;
  readonly subjectPublicKey: Uint8Array;
  readonly issuerKeyIdentifier: string;
}): ExpectedExtension[] {
  const { agent, settings } = input;
  const { distributionUrl, policyOid, spiffeTrustDomain } = settings;
  const crlShard = input.crlShard ?? Number.NaN;
  const purposes = spiffeTrustDomain === undefined ? `OID ${OID.clientAuth}` : `OID ${OID.serverAuth}, OID ${OID.clientAuth}`;
  return [
    basicConstraints('SEQUENCE {}'),
    keyUsage('BIT STRING 0780'),
    standard('extKeyUsage', `SEQUENCE { ${purposes} }`, '4.2.1.12'),
    subjectKeyIdentifier(input.subjectPublicKey),
    authorityKeyIdentifier(input.issuerKeyIdentifier),
    standard('subjectAltName', `SEQUENCE { ${uri(agentUri(settings, agent.tenantId, agent.id))} }`, '4.2.1.6'),
    ...(policyOid === undefined ? [] : [standard('certificatePolicies', `SEQUENCE { SEQUENCE { OID ${policyOid} } }`, '4.2.1.4')]),
    ...(distributionUrl === undefined
      ? []
      : [
          crlDistributionPoints(crlShardUrl(distributionUrl, crlShard)),
          authorityInfoAccess(access(OID.ocsp, ocspUrl(distributionUrl)), access(OID.caIssuers, issuingCertificateUrl(distributionUrl, generationOfShard(crlShard)))),
        ]),
    ...privateOfAgent(settings.privateArc, agent),
  ];
}

/** The extensions of the root (no issuer key identifier) or of the issuing CA. */
export function expectedOfAuthority(input: {
  readonly settings: ProfileSettings;
  readonly subjectPublicKey: Uint8Array;
  readonly issuerKeyIdentifier: string | undefined;
}): ExpectedExtension[] {
  const { distributionUrl } = input.settings;
  const isRoot = input.issuerKeyIdentifier === undefined;
  return [
    basicConstraints(isRoot ? 'SEQUENCE { BOOLEAN ff }' : 'SEQUENCE { BOOLEAN ff, INTEGER 00 }'),
    keyUsage('BIT STRING 0106'),
    subjectKeyIdentifier(input.subjectPublicKey),
    ...(input.issuerKeyIdentifier === undefined ? [] : [authorityKeyIdentifier(input.issuerKeyIdentifier)]),
    ...(isRoot || distributionUrl === undefined
      ? []
      : [crlDistributionPoints(rootCrlUrl(distributionUrl)), authorityInfoAccess(access(OID.caIssuers, rootCertificateUrl(distributionUrl)))]),
  ];
}

/** The extensions of the certificate of a part of the service itself. */
export function expectedOfService(input: {
  readonly profile: ServiceProfile;
  readonly subjectPublicKey: Uint8Array;
  readonly issuerKeyIdentifier: string;
}): ExpectedExtension[] {
  const { purpose, noCheck } = input.profile;
  return [
    basicConstraints('SEQUENCE {}'),
    keyUsage('BIT STRING 0780'),
    standard('extKeyUsage', `SEQUENCE { OID ${purpose} }`, '4.2.1.12'),
    subjectKeyIdentifier(input.subjectPublicKey),
    authorityKeyIdentifier(input.issuerKeyIdentifier),
    ...(noCheck ? [{ name: 'id-pkix-ocsp-nocheck', oid: OID.ocspNoCheck, critical: false, value: 'NULL', source: 'RFC 6960 §4.2.2.2.1' }] : []),
  ];
}

function privateOfAgent(privateArc: string, agent: CertifiedAgent): ExpectedExtension[] {
  const own = (arc: number, name: string, value: string): ExpectedExtension => ({
    name, oid: `${privateArc}.${arc}`, critical: false, value, source: `certificate profile, private extension .${arc}`,
  });
  const model = modelText(agent);
  const isAscii = [...model].every((character) => character <= '\x7f');
  const actions = agent.permittedActions.map((action) => utf8(action));
  return [
    own(1, 'agent URN', utf8(agentUrn(agent.id))),
    own(2, 'model', isAscii ? `IA5String ${JSON.stringify(model)}` : utf8(model)),
    ...(actions.length === 0 ? [] : [own(3, 'permitted actions', `SEQUENCE { ${actions.join(', ')} }`)]),
    own(4, 'tenant', utf8(agent.tenantId)),
    ...(agent.financialScope === undefined ? [] : [own(5, 'financial scope', utf8(canonicalize(agent.financialScope) ?? ''))]),
  ];
}

function standard(name: Exclude<keyof typeof OID, 'data'>, value: string, section: string, critical = false): ExpectedExtension {
  return { name, oid: OID[name], critical, value, source: `RFC 5280 §${section}` };
}

function basicConstraints(value: string): ExpectedExtension {
  return standard('basicConstraints', value, '4.2.1.9', true);
}

function keyUsage(value: string): ExpectedExtension {
  return standard('keyUsage', value, '4.2.1.3', true);
}

function subjectKeyIdentifier(subjectPublicKey: Uint8Array): ExpectedExtension {
  return standard('subjectKeyIdentifier', `OCTET STRING ${createHash('sha1').update(subjectPublicKey).digest('hex')}`, '4.2.1.2');
}

function authorityKeyIdentifier(keyIdentifier: string): ExpectedExtension {
  return standard('authorityKeyIdentifier', `SEQUENCE { [0] ${keyIdentifier} }`, '4.2.1.1');
}

function crlDistributionPoints(url: string): ExpectedExtension {
  return standard('cRLDistributionPoints', `SEQUENCE { SEQUENCE { [0] { [0] { ${uri(url)} } } } }`, '4.2.1.13');
}

function authorityInfoAccess(...descriptions: string[]): ExpectedExtension {
  return standard('authorityInfoAccess', `SEQUENCE { ${descriptions.join(', ')} }`, '4.2.2.1');
}

function access(method: string, url: string): string {
  return `SEQUENCE { OID ${method}, ${uri(url)} }`;
}

function uri(text: string): string {
  return `[6] ${JSON.stringify(text)}`;
}

function utf8(text: string): string {
  return `UTF8String ${JSON.stringify(text)}`;
}

function notationOf(value: Uint8Array): string {
  try {
    return derNotation(readDer(value));
  } catch (error) {
    if (error instanceof DerError) return `not DER: ${hexOf(value)}, ${error.message}`;
    throw error;
  }
}
