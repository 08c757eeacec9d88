import type { DerElement } from './der-reader.ts';
import { dottedOid, textOf } from './der-values.ts';
import { OID } from './object-identifiers.ts';

const ATTRIBUTE_NAME: Readonly<Record<string, string>> = { [OID.countryName]: 'C', [OID.organizationName]: 'O', [OID.commonName]: 'CN' };

/** A distinguished name as RFC 4514 §2 writes it, with the escapes of §2.4: the most specific attribute first. */
export function nameText(name: DerElement): string {
  const rdns = name.children.map((rdn) =>
    rdn.children
      .map(({ children: [type, value] }) => {
        const oid = dottedOid(type?.content ?? new Uint8Array(1));
        const text = textOf(value?.content ?? new Uint8Array());
        return `${ATTRIBUTE_NAME[oid] ?? oid}=${text.replace(/[,+"\\<>;]|^[ #]| $/g, '\\$&')}`;
      })
      .join('+'),
  );
  return rdns.toReversed().join(',');
}
