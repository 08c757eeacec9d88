/** AlgorithmIdentifier { sha256WithRSAEncryption, NULL } (RFC 4055 §5), DER in hexadecimal digits. */
export const SHA256_WITH_RSA_DER = '300d06092a864886f70d01010b0500';
