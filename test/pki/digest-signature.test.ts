import { constants, createHash, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { verifyRsaSha256Digest } from '../../lambdas/pki/digest-signature.ts';
import { verifyRsaSha256 } from '../../lambdas/pki/signature.ts';
import { rsaKey, type TestKey } from './authority-fixture.ts';

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
const data = new Uint8Array([1, 2, 3]);
const digest = sha256(data);

let key: TestKey;

beforeAll(() => {
  key = rsaKey(2048);
});

const verified = (signature: Uint8Array, of: Uint8Array = digest, { subjectPublicKeyInfoDer } = key) => verifyRsaSha256Digest(subjectPublicKeyInfoDer, of, signature);

/** A signature of whatever an attacker who had the key could put into the padding. */
const encrypted = (content: Uint8Array) => privateEncrypt({ key: key.privateKey, padding: constants.RSA_PKCS1_PADDING }, content);
const digestInfo = (prefix: string, of: Uint8Array = digest) => Buffer.concat([Buffer.from(prefix, 'hex'), of]);

describe('a signature of which only the digest is known', () => {
  it('is good exactly where it is one of the message', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (message, other) => {
      const signature = sign('sha256', message, key.privateKey);
      expect(verified(signature, sha256(message))).toBe(true);
      expect(verified(signature, sha256(other))).toBe(verifyRsaSha256(key.subjectPublicKeyInfoDer, other, signature));
    }), { numRuns: 20 });
  });

  it('is good under longer keys too', () => {
    const longer = rsaKey(3072);
    expect(verified(sign('sha256', data, longer.privateKey), digest, longer)).toBe(true);
  });

  it('is not good by another key, scheme or hash', () => {
    expect(verified(sign('sha256', data, rsaKey(2048).privateKey))).toBe(false);
    expect(verified(sign('sha256', data, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }))).toBe(false);
    expect(verified(sign('sha1', data, key.privateKey))).toBe(false);
    expect(verified(sign('sha512', data, key.privateKey), createHash('sha512').update(data).digest())).toBe(false);
  });

  it('is not good where its padding holds anything but the one DigestInfo', () => {
    expect(verified(encrypted(digestInfo('3031300d060960864801650304020105000420')))).toBe(true);
    expect(verified(encrypted(digestInfo('302f300b0609608648016503040201' + '0420')))).toBe(false); // without NULL
    expect(verified(encrypted(digestInfo('3031300d060960864801650304020205000420')))).toBe(false); // another hash's name
    expect(verified(encrypted(digestInfo('3031300d060960864801650304020105000420', Buffer.concat([digest, Buffer.from([0])]))))).toBe(false);
    expect(verified(encrypted(digest))).toBe(false);
    expect(verified(encrypted(digestInfo('3031300d060960864801650304020105000420', Buffer.alloc(0))), Buffer.alloc(0))).toBe(false);
  });

  it('has exactly the modulus’s length', () => {
    for (;;) {
      // One signature in 256 begins with a zero octet.
      const message = crypto.getRandomValues(new Uint8Array(16));
      const signature = sign('sha256', message, key.privateKey);
      expect(verified(Buffer.concat([Buffer.from([0]), signature]), sha256(message))).toBe(false);
      expect(verified(signature.subarray(1), sha256(message))).toBe(false);
      if (signature[0] === 0) break;
    }
  });

  it('is not good with a bit changed anywhere', () => {
    const signature = sign('sha256', data, key.privateKey);
    fc.assert(fc.property(fc.nat(255), fc.nat(7), (at, bit) => {
      expect(verified(Uint8Array.from(signature).with(at, (signature[at] ?? 0) ^ (1 << bit)))).toBe(false);
    }));
  });

  it('is false for any bytes and keys, and never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (spki, of, signature) => {
      expect(verifyRsaSha256Digest(spki, of, signature)).toBe(false);
      expect(verified(signature, of)).toBe(false);
    }));
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(verifyRsaSha256Digest(publicKey.export({ type: 'spki', format: 'der' }), digest, sign('sha256', data, privateKey))).toBe(false);
  });
});
