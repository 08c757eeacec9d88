/*
 * The root certifies issuing CAs one after the other (docs/ca-rotation.md): generations, numbered from 1. A CRL has one issuer
 * (RFC 5280 §5.1.2.3), so the shards of CRLs are numbered across them, as many for each as there may be, and the number of
 * its shard tells who issued a certificate. Generation 1 has the numbers from 0.
 */

/** How many CRL shards a deployment may have. */
export const maximumCrlShardCount = 1024;

/** The number of a generation's first shard. */
export const firstShardOf = (generation: number): number => (generation - 1) * maximumCrlShardCount;

/** The generation whose CRL the shard's is, and which issued the certificates that it covers. */
export const generationOfShard = (crlShard: number): number => Math.floor(crlShard / maximumCrlShardCount) + 1;
