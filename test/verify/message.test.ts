import { constants, createHash, privateEncrypt, sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { type Reason, type SignedMessage, verifyMessage } from '../../verify/index.ts';
import { agent, rsaKey } from '../pki/authority-fixture.ts';
import { utf8 } from '../pki/der-surgery.ts';
import { signDigest } from '../pki/revocation-fixture.ts';
import { respelt } from '../pki/respelling.ts';
import { signableObjects, signableValues } from '../pki/signable.ts';
import { makeWorld, options, type World } from './verify-fixture.ts';

const payment = { amount: 250.5, currency: 'EUR', to: 'DE89 3704 0044 0532 0130 00', lines: [{ id: 1, note: '承認 😀 \u2028' }, null, true, -0, 1e21] };

let world: World;
beforeAll(() => {
  world = makeWorld();
});

/** What a counterparty sends, with whatever the test wants otherwise. */
const message = (changes: object): SignedMessage => ({ certificate: world.certificate, ...changes }) as SignedMessage;
const verdictOn = (changes: object) => verifyMessage(message(changes), world.trust, options);
const refused = (reason: Reason, text = /./) => ({ valid: false, reason, message: expect.stringMatching(text), crlUrls: [] });

describe('a JSON object', () => {
  it('that was signed is valid, with the agent that signed it', async () => {
    const verdict = await verdictOn({ payload: payment, signature: world.sign(payment) });
    expect(verdict).toMatchObject({
      valid: true, payload: JSON.parse(canonicalize(payment) ?? '') as unknown, payloadHash: createHash('sha256').update(canonicalize(payment) ?? '').digest('hex'), revocation: 'good', agent: { id: agent.id },
    });
  });

  it('is valid in every spelling, as text, octets and value, and not with any value changed', async () => {
    await fc.assert(fc.asyncProperty(signableObjects, fc.infiniteStream(fc.nat(1000)), signableValues, async (object, choices, otherValue) => {
      const signature = world.sign(object);
      const payloadText = respelt(object, choices);
      for (const spelling of [{ payloadText }, { payloadText: utf8(payloadText) }, { payload: JSON.parse(payloadText) as unknown }]) {
        expect(await verdictOn({ ...spelling, signature })).toMatchObject({ valid: true });
      }
      for (const changed of changes(object, otherValue, choices)) {
        expect(await verdictOn({ payloadText: respelt(changed, choices), signature })).toEqual(refused('signature_mismatch'));
        expect(await verdictOn({ payload: changed, signature })).toEqual(refused('signature_mismatch'));
      }
    }));
  });

  it('is what the verdict says it is, whatever becomes of the value that was handed over', async () => {
    const signature = world.sign({ amount: 1, zero: 0 });
    const payload: Record<string, unknown> = { zero: -0 };
    let readings = 0;
    Object.defineProperty(payload, 'amount', { enumerable: true, configurable: true, get: () => (readings++, 1) });
    Object.defineProperty(payload, 'hidden', { enumerable: false, value: 'not signed' });
    const verification = verifyMessage(message({ payload, signature }), world.trust, options);
    Object.defineProperty(payload, 'amount', { enumerable: true, value: 1000 });
    const verdict = await verification;
    expect(verdict.valid && verdict.payload).toStrictEqual({ amount: 1, zero: 0 });
    expect(readings).toBeGreaterThan(0);
    expect(verdict).not.toHaveProperty('payload.hidden');
  });

  it.each<[string, object, RegExp]>([
    ['a key twice', { payloadText: '{"a":1,"a":1}' }, /a key twice, at \["a"\]/],
    ['65 levels', { payloadText: `{"a":${'['.repeat(64)}${']'.repeat(64)}}` }, /deeper than 64/],
    ['half a surrogate pair', { payloadText: '{"a":"\\ud83d"}' }, /half a surrogate pair/],
    ['an integer that no double tells from others', { payload: { a: 2 ** 53 } }, /no double holds/],
    ['a number beyond all', { payloadText: '{"a":1e400}' }, /no double holds/],
    ['an array', { payloadText: '[]' }, /not an object/],
    ['no JSON', { payloadText: '{' }, /ends too early/],
    ['nothing', { payloadText: undefined }, /neither text nor octets/],
    ['no UTF-8', { payloadText: Uint8Array.of(0x7b, 0xff, 0x7d) }, /not UTF-8/],
    ['a byte order mark', { payloadText: utf8('\ufeff{}') }, /none may be/],
    ['undefined', { payload: undefined }, /no form/],
    ['a text as value', { payload: '{}' }, /not an object/],
    ['a date in it', { payload: { a: new Date() } }, /no form/],
  ])('is refused with %s', async (_, content, text) => {
    expect(await verdictOn({ ...content, signature: world.sign({ a: 1 }) })).toEqual(refused('payload_malformed', text));
  });
});

describe('octets and digests', () => {
  const octets = utf8('a challenge');
  const digest = createHash('sha256').update(octets).digest();

  it('verify against what KMS signs under MessageType DIGEST', async () => {
    const signature = signDigest(digest, world.agentKey);
    const payloadHash = digest.toString('hex');
    for (const content of [{ octets }, { digest }, { digest: digest.toString('base64') }]) {
      expect(await verdictOn({ ...content, signature })).toMatchObject({ valid: true, payload: undefined, payloadHash, agent: { id: agent.id } });
    }
    const other = Uint8Array.from(digest, (octet, index) => (index === 31 ? octet ^ 1 : octet));
    expect(await verdictOn({ octets: digest, signature })).toEqual(refused('signature_mismatch'));
    expect(await verdictOn({ digest: other, signature })).toEqual(refused('signature_mismatch'));
  });

  it('agree with each other and with node for any octets', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array(), async (any) => {
      const signature = sign('sha256', any, world.agentKey.privateKey);
      expect(await verdictOn({ octets: any, signature })).toMatchObject({ valid: true });
      expect(await verdictOn({ digest: createHash('sha256').update(any).digest(), signature })).toMatchObject({ valid: true });
    }), { numRuns: 25 });
  });

  it('do not verify with any octet of the signature changed', async () => {
    const good = sign('sha256', octets, world.agentKey.privateKey);
    await fc.assert(fc.asyncProperty(fc.nat(255), fc.integer({ min: 1, max: 255 }), async (offset, change) => {
      const signature = Uint8Array.from(good, (octet, index) => (index === offset ? octet ^ change : octet));
      expect(await verdictOn({ octets, signature })).toEqual(refused('signature_mismatch'));
      expect(await verdictOn({ digest, signature })).toEqual(refused('signature_mismatch'));
    }), { numRuns: 50 });
  });

  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const padded = (block: Buffer): Buffer => privateEncrypt({ key: world.agentKey.privateKey, padding: constants.RSA_NO_PADDING }, block);
  const block = (...parts: Buffer[]): Buffer => {
    const end = Buffer.concat(parts);
    return Buffer.concat([Buffer.from('0001', 'hex'), Buffer.alloc(256 - 2 - end.length, 0xff), end]);
  };
  // RFC 8017 §8.2.2 compares the whole encoded message; each of these has fooled a verifier that parsed it.
  it.each<[string, () => Buffer]>([
    ['octets after the digest', () => Buffer.concat([Buffer.from('0001ffffffffffffffff00', 'hex'), info, digest, Buffer.alloc(256 - 11 - 51, 0x01)])],
    ['a DigestInfo without NULL', () => block(Buffer.from('00302f300b0609608648016503040201 0420'.replace(' ', ''), 'hex'), digest)],
    ['padding that is not FF', () => Buffer.from(block(Buffer.of(0), info, digest)).fill(0xfe, 5, 6)],
    ['block type 2', () => Buffer.from(block(Buffer.of(0), info, digest)).fill(0x02, 1, 2)],
    ['SHA-512’s name', () => block(Buffer.of(0), Buffer.from('3031300d060960864801650304020305000420', 'hex'), digest)],
    ['the digest alone', () => block(Buffer.of(0), digest)],
    ['zeros', () => Buffer.alloc(256)],
  ])('do not verify with %s in the padding', async (_, encoded) => {
    const signature = padded(encoded());
    expect(await verdictOn({ octets, signature })).toEqual(refused('signature_mismatch'));
    expect(await verdictOn({ digest, signature })).toEqual(refused('signature_mismatch'));
  });

  it('do not verify with a representative beyond the modulus', async () => {
    const good = BigInt(`0x${sign('sha256', octets, world.agentKey.privateKey).toString('hex')}`);
    const { n } = world.agentKey.privateKey.export({ format: 'jwk' });
    const beyond = good + BigInt(`0x${Buffer.from(n ?? '', 'base64url').toString('hex')}`);
    const signature = Buffer.from(beyond.toString(16).padStart(512, '0'), 'hex');
    expect(await verdictOn({ digest, signature })).toEqual(refused('signature_mismatch'));
  });

  it.each<[string, object]>([
    ['a digest of 31 octets', { digest: digest.subarray(1) }],
    ['a digest in hexadecimal digits', { digest: digest.toString('hex') }],
    ['no digest', { digest: null }],
    ['a text as octets', { octets: 'text' }],
  ])('are refused: %s', async (_, content) => {
    expect(await verdictOn({ ...content, signature: 'AA==' })).toEqual(refused('payload_malformed'));
  });
});

describe('a signature is refused', () => {
  const cases: [string, Reason, () => unknown][] = [
    ['of another key', 'signature_mismatch', () => sign('sha256', Buffer.from('{}'), rsaKey(2048).privateKey)],
    ['with SHA-1', 'signature_mismatch', () => sign('sha1', Buffer.from('{}'), world.agentKey.privateKey)],
    ['with PSS', 'signature_mismatch', () => sign('sha256', Buffer.from('{}'), { key: world.agentKey.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })],
    ['over the text as it was sent, not its canonical form', 'signature_mismatch', () => sign('sha256', Buffer.from('{ }'), world.agentKey.privateKey)],
    ['that is cut off', 'signature_mismatch', () => Buffer.from(world.sign({}), 'base64').subarray(1)],
    ['in base64url', 'signature_malformed', () => '-_-_'],
    ['in base64 with line ends', 'signature_malformed', () => `${world.sign({})}\n`],
    ['that is empty', 'signature_malformed', () => ''],
    ['of no octets', 'signature_malformed', () => new Uint8Array()],
    ['that is missing', 'signature_malformed', () => undefined],
    ['that is a number', 'signature_malformed', () => 7],
  ];
  it.each(cases)('%s', async (_, reason, signature) => {
    expect(await verdictOn({ payload: {}, signature: signature() })).toEqual(refused(reason));
  });

  it('of an agent whose certificate does not hold', async () => {
    const signature = world.sign({});
    expect(await verdictOn({ certificate: world.issue({}, world.agentKey), payload: {}, signature })).toEqual(refused('certificate_signature_mismatch'));
    expect(await verdictOn({ certificate: undefined, payload: {}, signature })).toEqual(refused('certificate_malformed'));
  });
});

it('what one means to verify must be clear', async () => {
  await expect(verdictOn({ signature: '' })).rejects.toThrow(TypeError);
  await expect(verdictOn({ signature: '', payload: {}, payloadText: '{}' })).rejects.toThrow(TypeError);
});

it('what is verified cannot be changed meanwhile', async () => {
  const octets = utf8('before');
  const verdict = verdictOn({ octets, signature: sign('sha256', octets, world.agentKey.privateKey) });
  octets.fill(0);
  expect(await verdict).toMatchObject({ valid: true });
});

/** The object with a value replaced, added or taken away, wherever that makes a difference. */
function changes(object: Record<string, unknown>, otherValue: unknown, choices: Iterator<number>): Record<string, unknown>[] {
  const key = Object.keys(object)[Number(choices.next().value) % Math.max(1, Object.keys(object).length)] ?? 'key';
  const without = Object.fromEntries(Object.entries(object).filter(([other]) => other !== key));
  const changed = [with_(object, key, otherValue), with_(object, `${key}'`, otherValue), without, { ...object, [key]: deeplyChanged(object[key], otherValue) }];
  return changed.filter((one) => canonicalize(one) !== canonicalize(object));
}

function with_(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([...Object.entries(object), [key, value]]);
}

function deeplyChanged(value: unknown, otherValue: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [otherValue] : value.map((element, index) => (index === value.length - 1 ? deeplyChanged(element, otherValue) : element));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(entries.length === 0 ? [['a', otherValue]] : entries.map(([key, inner], index) => [key, index === 0 ? deeplyChanged(inner, otherValue) : inner]));
  }
  return otherValue;
}
