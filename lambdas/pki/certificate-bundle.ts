import * as asn1js from 'asn1js';
import { OID } from './object-identifiers.ts';
import { ownedBuffer } from './owned-buffer.ts';
import { readTbsOfCertificate } from './tbs-certificate.ts';

/**
 * Packs certificates into one file: a degenerate PKCS #7 / CMS SignedData without content or signers ("certs-only",
 * RFC 5652 §5.2, RFC 8551 §3.8), as RFC 5280 §4.2.2.1 allows for caIssuers (`application/pkcs7-mime`).
 * @param certificateDers in any order: `certificates` is a SET, which DER sorts, so the file has no order of its own
 * @returns the ContentInfo's DER
 * @throws DerError if one of them is not exactly one certificate
 */
export function certificateBundlePkcs7(certificateDers: readonly Uint8Array[]): Uint8Array {
  const certificates = certificateDers.toSorted(Buffer.compare).map((der) => {
    readTbsOfCertificate(der);
    return asn1js.fromBER(ownedBuffer(der)).result;
  });
  const signedData = new asn1js.Sequence({
    value: [
      new asn1js.Integer({ value: 1 }), // CMSVersion: v1, as there are neither signers nor other certificate formats.
      new asn1js.Set({ value: [] }), // digestAlgorithms
      new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: OID.data })] }), // encapContentInfo, without content
      new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: certificates }),
      new asn1js.Set({ value: [] }), // signerInfos
    ],
  });
  const contentInfo = new asn1js.Sequence({
    value: [
      new asn1js.ObjectIdentifier({ value: OID.signedData }),
      new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [signedData] }),
    ],
  });
  return new Uint8Array(contentInfo.toBER());
}
