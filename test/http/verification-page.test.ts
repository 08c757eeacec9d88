import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Certificate, CertifiedProfile } from '../../lambdas/authority/certificate.ts';
import { stylesheet } from '../../lambdas/http/page/style.ts';
import { problem, BadRequest } from '../../lambdas/http/problem.ts';
import { problemPage, verificationPage } from '../../lambdas/http/verification-page.ts';
import { certificateToPem } from '../../lambdas/pki/pem.ts';
import { agent, agentCertificate, certificateId, distributed, notBefore, rsaKey, signed, testAuthority } from '../pki/authority-fixture.ts';

const authority = testAuthority();
const agentKey = rsaKey(2048);
const certificateDer = signed(agentCertificate(authority, agentKey, { settings: distributed, crlShard: 3 }), authority.issuingKey);
const serialNumber = certificateId.replaceAll('-', '').toUpperCase();

const certified: CertifiedProfile = {
  name: 'Treasury Rebalancer', modelHash: 'sha256:9f86d081', model: 'settler-7b', version: '2.4.1', operatorOrg: 'Aozora Capital K.K.',
  permittedActions: ['trade:execute', 'data:read'],
  financialScope: { max_single_trade_usd: 10_000.5, daily_limit_usd: 250_000, permitted_instruments: ['BTC-USD'], permitted_venues: [], leverage_permitted: true, max_leverage_ratio: 2.5 },
};
const certificate: Certificate = {
  id: certificateId, agentId: agent.id, tenantId: agent.tenantId, certificatePem: certificateToPem(certificateDer), keyArn: 'arn:aws:kms:eu-west-1:1:key/secret',
  status: 'active', issuedAt: notBefore.toISOString(), expiresAt: '2027-03-01T12:34:56.000Z', createdAt: notBefore.toISOString(), certified, issuer: 'CN=Kakunin Issuing CA', crlShard: 3,
};
const revoked = { ...certificate, status: 'revoked', revokedAt: '2026-05-02T08:00:00.250Z', revocationReason: 'Three orders too many', reasonCode: 'privilegeWithdrawn' } as const;

const inAugust = '2026-08-30T12:00:00.000Z';
const answerOf = (changes: Partial<Certificate> = {}, now = inAugust, host: string | undefined = 'api.example.com') =>
  verificationPage({ certificate: { ...certificate, ...changes }, now, host }, { 'cache-control': 'public, max-age=5' });
const pageOf = (...parameters: Parameters<typeof answerOf>) => String(answerOf(...parameters).body);
const named = (fields: Partial<CertifiedProfile>) => pageOf({ certified: { ...certified, ...fields } });

/** What a reader sees, without the style: tags gone, entities read, white space joined. */
const textOf = (page: string) => read(page.replace(/<style>.*?<\/style>/s, '').replace(/<\/?(?:i|wbr|bdi|time|b|span|code)\b[^>]*>/g, '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ');
const read = (text: string) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&#96;/g, '`').replace(/&amp;/g, '&');
const tagsOf = (page: string) => page.match(/<[a-z!/][^>]*>/gi) ?? [];
/** Where a revocation or its end stands on the bar, in percent. */
const markAt = (page: string, name: string) => Number(new RegExp(`<line class="${name}" x1="([0-9.]+)%"`).exec(page)?.[1]);
const barOf = (page: string) => /role="img" aria-label="([^"]*)"/.exec(page)?.[1]?.replaceAll('\u00a0', ' ');

const pages = {
  valid: pageOf(),
  revoked: pageOf(revoked),
  'revoked, its time over': pageOf(revoked, '2028-01-01T00:00:00.000Z'),
  expired: pageOf({}, '2027-03-04T13:00:00.000Z'),
  'with the least that can be said': named({ name: 'x', model: undefined, version: undefined, operatorOrg: undefined, permittedActions: [], financialScope: undefined } as object),
  'that names no revocation list': pageOf({ certificatePem: certificateToPem(signed(agentCertificate(authority, agentKey), authority.issuingKey)) }),
  'never issued': String(problemPage({ status: 404, body: { error: 'Never.' } }, { serialNumber, requestId: 'r-1' }).body),
  'not a serial number': String(problemPage(problem(new BadRequest(400, 'X', 'Send what `openssl x509` prints.'), 'r-1'), { serialNumber: undefined, requestId: 'r-1' }).body),
};

describe('the state', () => {
  test('valid: until when, and where now is', () => {
    expect(pages.valid).toMatch(/<body class="active">.*<h1><svg [^>]*aria-hidden="true">.*<\/svg>Valid<\/h1>/s);
    expect(textOf(pages.valid)).toContain('The certificate holds now, and for another 183 days unless it is revoked.');
    expect(barOf(pages.valid)).toBe('Issued 1 March 2026, ends 1 March 2027. Now is 50 percent of the way, 183 days before its end.');
    expect(markAt(pages.valid, 'now')).toBeCloseTo(49.85, 1);
    expect(textOf(pages.valid)).toContain('Checked 30 August 2026, 12:00:00 UTC.');
  });

  test('revoked: when, why in the words that were given, and what the code means', () => {
    const page = textOf(pages.revoked);
    expect(pages.revoked).toMatch(/<body class="revoked">.*<\/svg>Revoked<\/h1>/s);
    expect(page).toContain('Do not trust this certificate. It was revoked for good on 2 May 2026, 08:00:00 UTC, 120 days ago.');
    expect(page).toContain('Reason given Three orders too many privilegeWithdrawn: the agent lost its permission');
    expect(barOf(pages.revoked)).toContain('Revoked 2 May 2026. Now is 50 percent');
    expect([markAt(pages.revoked, 'end'), markAt(pages.revoked, 'now')]).toEqual([expect.closeTo(16.93, 1), expect.closeTo(49.85, 1)]);
  });

  test('halted: which event, and whether there is a receipt to have', () => {
    const event = '3f0c1f0e-3a51-4c55-9f8e-0d7f3bb0a001';
    const halted = { ...revoked, revocationReason: 'regulatory_order', haltEventId: event };
    expect(textOf(pageOf(halted))).toContain(`Reason given regulatory_order privilegeWithdrawn: the agent lost its permission The agent was halted by this. The receipt of the halt, event ${event}, is not signed yet.`);
    expect(textOf(pageOf({ ...halted, haltReceiptSignature: new Uint8Array(256) }))).toContain(`The agent was halted by this. The authority signed a receipt of it, event ${event}: the first step below answers it as halt_receipt.`);
    expect(textOf(pages.revoked)).not.toContain('halted');
  });

  test('revoked stays revoked after its end; the commands allow for that', () => {
    const page = pages['revoked, its time over'];
    expect(page).toContain('</svg>Revoked</h1>');
    expect(barOf(page)).toContain('Now is 305 days after its end.');
    expect([markAt(page, 'end') < 82, markAt(page, 'now')]).toEqual([true, 100]);
    expect(textOf(page)).toContain('openssl verify -no_check_time -crl_check_all');
    expect(textOf(page)).toContain('What it was allowed to do');
  });

  test('expired, from its last second on', () => {
    expect(textOf(pages.expired)).toContain('Expired Do not rely on this certificate any more. It ended on 1 March 2027, 3 days ago.');
    expect(barOf(pages.expired)).toContain('ended 1 March 2027. Now is 3 days after its end.');
    expect(pageOf({}, '2027-03-01T12:34:55.999Z')).toContain('</svg>Valid</h1>');
    expect(textOf(pageOf({}, '2027-03-01T12:34:56.000Z'))).toMatch(/Expired Do not .* 1 March 2027, less than a minute ago.*Now Issued 1 Mar 2026 Ended 1 Mar 2027/);
  });

  test('of a request that got no certificate', () => {
    expect(textOf(pages['never issued'])).toContain(`Never issued Never. Serial number asked for ${serialNumber}`);
    expect(pages['not a serial number']).toContain('Send what <code>openssl x509</code> prints.');
  });
});

describe('what it says of the certificate', () => {
  const page = textOf(pages.valid);

  test('who the agent is and what it may do', () => {
    for (const fact of ['Name Treasury Rebalancer', 'Operator Aozora Capital K.K.', 'Model settler-7b', 'Version 2.4.1', 'Model hash sha256:9f86d081', `Agent id ${agent.id}`,
      'Actions trade:execute data:read', 'Largest single trade USD 10,000.50', 'Daily limit USD 250,000', 'Instruments BTC-USD', 'Venues None', 'Leverage Permitted, up to 2.5 : 1']) {
      expect(page).toContain(fact);
    }
    expect(textOf(pages['with the least that can be said'])).toMatch(/Operator Not stated Model Not stated Version Not stated .* Actions None Financial scope None stated/);
    expect(page).not.toMatch(/arn:aws|0d9c5d1c/);
  });

  test('the certificate in words, and the certificate itself', () => {
    const fingerprint = createHash('sha256').update(certificateDer).digest('hex').toUpperCase().replace(/..(?=.)/g, '$&:');
    for (const fact of [`Serial number ${serialNumber}`, `Fingerprint, SHA-256 ${fingerprint}`, 'Issuer CN=Kakunin Issuing CA,O=Kakunin,C=JP', 'Key RSA, 2048 bits',
      'Valid from 1 March 2026, 12:34:56 UTC Valid until 1 March 2027, 12:34:55 UTC', 'Revocation list http://pki.example.com/kakunin/crl/shard-3.crl', 'OCSP http://pki.example.com/kakunin/ocsp', `urn:kakunin:agent:${agent.id}`]) {
      expect(page).toContain(fact);
    }
    const [, name, data] = /download="([^"]*)" href="data:application\/x-pem-file,([^"]*)"/.exec(pages.valid) ?? [];
    expect([name, decodeURIComponent(data ?? '')]).toEqual(['kakunin-7A1B2C3D.pem', certificate.certificatePem]);
  });

  test.each([
    ['api.example.com', 'https://api.example.com/v1/ca'],
    ['API.example.com:8443', 'https://api.example.com:8443/v1/ca'],
    ['localhost:3000', 'http://localhost:3000/v1/ca'],
    ['[::1]:3000', 'http://[::1]:3000/v1/ca'],
    ['127.0.0.1.example.com', 'https://127.0.0.1.example.com/v1/ca'],
    [undefined, 'https://kakunin.example/v1/ca'],
    ['x; rm -rf ~', 'https://kakunin.example/v1/ca'],
    ['$(id)', 'https://kakunin.example/v1/ca'],
    ['a\nb', 'https://kakunin.example/v1/ca'],
    ['-o', 'https://kakunin.example/v1/ca'],
  ])('commands for the host %j', (host, url) => {
    expect(textOf(String(verificationPage({ certificate, now: inAugust, host }, {}).body))).toContain(`curl -fsS ${url} -o kakunin-ca.pem curl`);
  });

  test('commands by what the certificate names', () => {
    expect(page).toContain('curl -fsS http://pki.example.com/kakunin/crl/shard-3.crl | openssl crl -inform DER -out kakunin-crl.pem curl -fsS http://pki.example.com/kakunin/crl/root.crl | openssl crl -inform DER >> kakunin-crl.pem'
      + ' openssl verify -crl_check_all -CRLfile kakunin-crl.pem -CAfile kakunin-ca.pem kakunin-7A1B2C3D.pem');
    expect(page).toContain('curl -fsS http://pki.example.com/kakunin/ca/issuing.cer | openssl x509 -inform DER -out kakunin-issuer.pem openssl ocsp -issuer kakunin-issuer.pem -cert kakunin-7A1B2C3D.pem -url http://pki.example.com/kakunin/ocsp -CAfile kakunin-ca.pem');
    expect(textOf(pages['that names no revocation list'])).toContain('openssl verify -CAfile kakunin-ca.pem kakunin-7A1B2C3D.pem OpenSSL learns nothing of a revocation this way; step 1 tells. Compare');
  });

  test.each([
    ['valid', 'OpenSSL says OK to what is', 'kakunin-7A1B2C3D.pem: good.'],
    ['revoked', 'OpenSSL says certificate revoked.', 'kakunin-7A1B2C3D.pem: revoked.'],
    ['expired', 'Without -no_check_time it says certificate has expired.', 'kakunin-7A1B2C3D.pem: good, whatever the time.'],
  ] as const)('and what they say of one that is %s', (name, verdict, answer) => {
    expect(textOf(pages[name])).toContain(verdict);
    expect(textOf(pages[name])).toContain(answer);
  });

  test('is small', () => {
    for (const page of Object.values(pages)) expect(Buffer.byteLength(page)).toBeLessThan(30_000);
  });
});

describe('hostile text', () => {
  const hostile = [
    '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onload='alert(1)", '</title></style><svg onload=alert(1)>', '<!--', '</bdi></p><h1>Valid</h1>',
    '&lt;script&gt;', '${1}`', ']]>', '<'.repeat(255), 'W'.repeat(255), 'e\u0301\u0302'.repeat(85), '&#x3c;b&#x3e;', '承認 ✓ 👩‍💻 العربية',
  ];

  test.each(hostile)('%j is text wherever it stands', (text) => {
    const page = String(verificationPage({
      certificate: {
        ...revoked, revocationReason: text,
        certified: { name: text, modelHash: text, model: text, version: text, operatorOrg: text, permittedActions: [text], financialScope: { permitted_instruments: [text], permitted_venues: [text] } },
      },
      now: inAugust, host: text,
    }, {}).body);
    const harmless = pageOf({ ...revoked, revocationReason: 'x', certified: { name: 'x', modelHash: 'x', model: 'x', version: 'x', operatorOrg: 'x', permittedActions: ['x'], financialScope: { permitted_instruments: ['x'], permitted_venues: ['x'] } } }, inAugust, text);
    expect(tagsOf(page).map((tag) => tag.replace(' long"', '"'))).toEqual(tagsOf(harmless));
    // Eleven places, each set apart; and the title.
    expect(page.split('<bdi>').map((part) => read(part.split('</bdi>')[0] ?? '')).filter((part) => part === text)).toHaveLength(11);
    expect(read(/<title>(.*?)<\/title>/.exec(page)?.[1] ?? '')).toBe(`Revoked: \u2068${text}\u2069 · Kakunin`);
  });

  test.each([
    ['\u202Egnp.dilaV', '‹U+202E›gnp.dilaV'],
    ['a\u2066b\u2069', 'a‹U+2066›b‹U+2069›'],
    ['pay\u200Bpal\uFEFF', 'pay‹U+200B›pal‹U+FEFF›'],
    ['a\u0000b\u001B[31m\u0085', 'a‹U+0000›b‹U+001B›[31m‹U+0085›'],
    ['\u{E0041}hidden\uD800', '‹U+E0041›hidden‹U+D800›'],
    ['two\nlines', 'two\nlines'],
  ])('what %j hides is shown', (name, shown) => {
    const page = named({ name });
    expect(page).toContain(`<bdi>${shown}</bdi>`);
    expect(page).toContain(`<title>Valid: \u2068${shown}\u2069 · Kakunin</title>`);
  });
});

describe('the document', () => {
  const isVoid = (tag: string) => /^(?:!doctype|meta|wbr)$/.test(tag);

  test.each(Object.entries(pages))('%s: is well-formed, without script, image or inline style', (_, page) => {
    const open: string[] = [];
    for (const tag of tagsOf(page.replace(stylesheet, ''))) {
      const [, end, name = '', selfClosing] = /^<(\/?)([a-z0-9!]+)(?:\s[^>]*?)?(\/?)>$/.exec(tag) ?? [];
      expect(tag).toMatch(/^<\/?[a-z0-9!]+(?: html| [a-zA-Z0-9-]+="[^"<>]*")*\/?>$/);
      if (end === '/') expect(open.pop()).toBe(name);
      else if (selfClosing !== '/' && !isVoid(name)) open.push(name);
    }
    expect(open).toEqual([]);
    expect(page).not.toMatch(/<(?:script|img|link|iframe|form|object|embed|base)\b|<[^>]*\s(?:style|on[a-z]+)=/i);
    expect(page).not.toMatch(/\b(?:undefined|NaN|null|\[object)\b/);
    expect(page.match(/<h[1-6]/g)).toEqual(['<h1', ...(page.includes('<section>') ? ['<h2', '<h2', '<h2', '<h2'] : [])]);
    for (const part of ['<!doctype html>\n<html lang="en">', '<header', '<main>', '<footer>', '<meta name="viewport" content="width=device-width, initial-scale=1">']) expect(page).toContain(part);
  });

  test.each(Object.entries(pages))('%s: can be heard and used by keyboard', (_, page) => {
    for (const picture of page.match(/<svg [^>]*>/g) ?? []) expect(picture).toMatch(/ aria-hidden="true"| role="img" aria-label="[^"]{20,}"|^<svg y="/);
    for (const [, text = ''] of page.matchAll(/<(?:a|summary)\b[^>]*>(.*?)<\/(?:a|summary)>/g)) expect(text).toMatch(/^[A-Z][a-z]+ /);
    for (const cell of page.match(/<th\b[^>]*>/g) ?? []) expect(cell).toBe('<th scope="row">');
    expect(page).not.toMatch(/ tabindex=| accesskey=/);
    // The state is said in words where the colour and the shape are, and in the title.
    const state = /<\/svg>(.*?)<\/h1>/.exec(page)?.[1] ?? '';
    expect(/<title>(.*?)[:·<]/.exec(page)?.[1]?.trim()).toBe(state);
  });

  test('the focus is shown, and nothing moves for whoever does not want it', () => {
    expect(stylesheet).toMatch(/:focus-visible \{ outline: 3px solid/);
    expect(stylesheet).not.toMatch(/outline: (?:none|0)|animation/);
    const still = stylesheet.replace(/@media \(prefers-reduced-motion: no-preference\) \{.*?\}\s*\}/, '');
    expect([stylesheet.includes('transition'), still.includes('transition')]).toEqual([true, false]);
  });

  test('its policy allows its own style and nothing else', () => {
    const { status, headers } = answerOf();
    const hash = createHash('sha256').update(/<style>(.*?)<\/style>/s.exec(pages.valid)?.[1] ?? '').digest('base64');
    expect([status, headers]).toEqual([200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'public, max-age=5',
      vary: 'Accept',
    }]);
    expect(stylesheet).not.toMatch(/@import|url\(|[<&]/);
  });
});

describe('contrast (WCAG 2.2, 1.4.3 and 1.4.11)', () => {
  const between = (start: string, end: string) => stylesheet.slice(stylesheet.indexOf(start) + start.length, stylesheet.indexOf(end, stylesheet.indexOf(start)));
  const schemes = { light: stylesheet.slice(0, stylesheet.indexOf('@media')), dark: between('@media (prefers-color-scheme: dark) {', '}}') + '}', print: between('@media print {', 'html {') };

  type Palette = Readonly<Record<string, string>>;
  const coloursIn = (css: string, selector: string): Palette => {
    const rule = [...css.matchAll(/([^{}]+)\{([^}]*)\}/g)].find(([, selectors = '']) => selectors.split(',').some((one) => one.trim().replace(/^body(?=\.)/, '') === selector));
    return Object.fromEntries([...(rule?.[2] ?? '').matchAll(/--([a-z]+): (#[0-9a-f]{6})/g)].map(([, name = '', colour = '']) => [name, colour]));
  };
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one: string, other: string) => {
    const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const texts = ['ink ground', 'soft ground', 'ink sheet', 'ink tint', 'soft tint', 'accent tint', 'ground ink'];
  const shapes = ['accent ground', 'accent sheet', 'accent tint', 'ink sheet', 'soft tint'];

  const tones = ['active', 'revoked', 'never-issued', 'expired', 'unclear'];
  test.each(Object.keys(schemes).flatMap((scheme) => tones.map((tone) => [scheme, tone] as const)))('%s, %s', (scheme, tone) => {
    const css = schemes[scheme as keyof typeof schemes];
    const colours = { ...coloursIn(css, ':root'), ...coloursIn(css, `.${tone}`) };
    const ratio = (pair: string) => {
      const [front = '', back = ''] = pair.split(' ').map((name) => colours[name]);
      return [pair, contrast(front, back)] as const;
    };
    expect(Object.keys(colours)).toHaveLength(8);
    expect([...texts.map(ratio).filter(([, value]) => !(value >= 4.5)), ...shapes.map(ratio).filter(([, value]) => !(value >= 3))]).toEqual([]);
  });

  test('is measured as WCAG does', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
  });
});
