import * as asn1js from 'asn1js';
import canonicalize from 'canonicalize';
import type { Extension } from 'pkijs';
import { type CertifiedAgent, modelText } from './certified-agent.ts';
import { extension } from './extensions.ts';
import { PRIVATE_EXTENSION_ARC } from './object-identifiers.ts';
import { ProfileError } from './profile-error.ts';
import { agentUrn } from './profile.ts';

/**
 * Kakunin's own extensions, none of them critical, below `privateArc`:
 * .1 the agent's URN (UTF8String), .2 `model:model_hash` (IA5String, or UTF8String where that is not ASCII), .3 the
 * permitted actions (SEQUENCE OF UTF8String, left out when there are none), .4 the tenant (UTF8String), .5 the
 * financial scope as RFC 8785 JSON (UTF8String, left out when absent).
 * @throws ProfileError if a text is not well-formed Unicode, the scope is not JSON, or the agent's id has no URN
 */
export function privateExtensions(privateArc: string, agent: CertifiedAgent): Extension[] {
  const at = (arc: keyof typeof PRIVATE_EXTENSION_ARC): string => `${privateArc}.${PRIVATE_EXTENSION_ARC[arc]}`;
  const actions = agent.permittedActions.map((action) => utf8String('permitted action', action));
  return [
    extension(at('agentUrn'), utf8String('agent URN', agentUrn(agent.id))),
    extension(at('model'), ia5OrUtf8String('model and model hash', modelText(agent))),
    ...(actions.length === 0 ? [] : [extension(at('permittedActions'), new asn1js.Sequence({ value: actions }))]),
    extension(at('tenant'), utf8String('tenant', agent.tenantId)),
    ...(agent.financialScope === undefined
      ? []
      : [extension(at('financialScope'), utf8String('financial scope', canonicalJson(agent.financialScope)))]),
  ];
}

function utf8String(field: string, value: string): asn1js.Utf8String {
  // Half a surrogate pair has no UTF-8 form (X.680 §41.16, RFC 3629 §3).
  if (/\p{Surrogate}/u.test(value)) throw new ProfileError(`The ${field} is not well-formed Unicode.`);
  return new asn1js.Utf8String({ value });
}

function ia5OrUtf8String(field: string, value: string): asn1js.IA5String | asn1js.Utf8String {
  // eslint-disable-next-line no-control-regex -- IA5String is all of ASCII, its control characters included (X.680 §41).
  return /^[\x00-\x7f]*$/.test(value) ? new asn1js.IA5String({ value }) : utf8String(field, value);
}

function canonicalJson(scope: Readonly<Record<string, unknown>>): string {
  let json: string | undefined;
  try {
    json = canonicalize(scope);
  } catch {
    json = undefined;
  }
  if (json === undefined) throw new ProfileError('The financial scope has no canonical JSON form (RFC 8785 §3.2).');
  return json;
}
