import { DerError, type DerElement, TAG } from '../lambdas/pki/der-reader.ts';
import { dottedOid, textOf } from '../lambdas/pki/der-values.ts';
import { OID, PRIVATE_EXTENSION_ARC } from '../lambdas/pki/object-identifiers.ts';
import { agentUrn } from '../lambdas/pki/profile.ts';
import { ProfileError } from '../lambdas/pki/profile-error.ts';
import type { Certificate } from './certificate.ts';
import { Refusal } from './refusal.ts';
import type { VerifiedAgent } from './verdict.ts';

const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}\/tenant\/([A-Za-z0-9._-]{1,64})\/agent\/([A-Za-z0-9._-]{1,64})$/;

/**
 * Reads whom a certificate is about, and what it permits, out of its subject, subjectAltName and private extensions.
 * @param certificate one that holds: nothing in it is believed here that its issuer has not signed
 * @throws Refusal `agent_unnamed` if they are missing, malformed or not about one agent
 */
export function agentOf(certificate: Certificate, privateArc: string): VerifiedAgent {
  try {
    return readAgent(certificate, privateArc);
  } catch (error) {
    if (!(error instanceof DerError || error instanceof ProfileError)) throw error;
    throw new Refusal('agent_unnamed', `The certificate does not say whose agent it is about below ${privateArc}. ${error.message} If the deployment has an arc of its own, give it as privateArc.`);
  }
}

function readAgent(certificate: Certificate, privateArc: string): VerifiedAgent {
  const valueOf = (name: keyof typeof PRIVATE_EXTENSION_ARC): DerElement | undefined => certificate.extensionValue(`${privateArc}.${PRIVATE_EXTENSION_ARC[name]}`);
  const id = nameAttribute(certificate, OID.commonName);
  const tenantId = text(valueOf('tenant'), 'tenant');
  const { uri } = certificate;
  const names = uri === undefined ? undefined : SPIFFE_ID.exec(uri);
  const isNamed = uri !== undefined && (uri === agentUrn(id) || (names?.[1] === tenantId && names[2] === id));
  if (!isNamed || text(valueOf('agentUrn'), 'agent URN') !== agentUrn(id)) throw new DerError('Its subject, subjectAltName and agent URN do not name one agent.');
  const modelText = text(valueOf('model'), 'model', [TAG.ia5String, TAG.utf8String]);
  if (!modelText.includes(':')) throw new DerError('Its model has no model hash.');
  const scope = valueOf('financialScope');
  return {
    id, uri, tenantId, modelText,
    organization: nameAttribute(certificate, OID.organizationName),
    permittedActions: listOf(valueOf('permittedActions')).map((action) => text(action, 'permitted action')),
    financialScope: scope && scopeOf(text(scope, 'financial scope')),
  };
}

/** Canonical JSON (RFC 8785), which its issuer wrote and signed. */
function scopeOf(json: string): VerifiedAgent['financialScope'] {
  let scope: unknown;
  try {
    scope = JSON.parse(json);
  } catch {
    scope = undefined;
  }
  if (typeof scope !== 'object' || scope === null || Array.isArray(scope)) throw new DerError('Its financial scope is not a JSON object.');
  return scope as Record<string, unknown>;
}

/** The subject's one attribute of this type. */
function nameAttribute({ subject }: Certificate, type: string): string {
  const attributes = subject.children.flatMap(({ children }) => children);
  const values = attributes.filter(({ children: [id] }) => id?.tag === TAG.objectIdentifier && dottedOid(id.content) === type).map(({ children: [, value] }) => value);
  if (values.length !== 1) throw new DerError(`Its subject has not one attribute ${type}.`);
  return text(values[0], 'subject');
}

function listOf(actions: DerElement | undefined): readonly DerElement[] {
  if (actions !== undefined && actions.tag !== TAG.sequence) throw new DerError('Its permitted actions are not a SEQUENCE.');
  return actions?.children ?? [];
}

function text(element: DerElement | undefined, field: string, tags: readonly number[] = [TAG.utf8String]): string {
  if (element === undefined || !tags.includes(element.tag)) throw new DerError(`Its ${field} is missing, or no text of the type it has in this profile.`);
  return textOf(element.content);
}
