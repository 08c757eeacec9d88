import { openssl, runWithFiles } from './openssl.ts';

/** One certificate that is asked about. */
export interface OcspQuestion {
  /** PEM. */
  readonly issuer: string;
  /** 32 hexadecimal digits. */
  readonly serialNumber: string;
  readonly hash?: 'sha1' | 'sha256' | 'sha512';
}

/** An OCSP request as openssl makes it. */
export function ocspRequest(questions: readonly OcspQuestion[], { nonce = false } = {}): Uint8Array {
  const about = questions.flatMap(({ serialNumber, hash = 'sha1' }, index) => [`-${hash}`, '-issuer', `${index}.pem`, '-serial', `0x${serialNumber}`]);
  const files = Object.fromEntries(questions.map(({ issuer }, index) => [`${index}.pem`, issuer]));
  const { stdout, stderr } = runWithFiles('sh', ['-c', `openssl ocsp ${about.join(' ')} ${nonce ? '' : '-no_nonce'} -reqout request.der && openssl base64 -in request.der`], files);
  if (stdout === '') throw new Error(`openssl made no request: ${stderr}`);
  return Uint8Array.from(Buffer.from(stdout, 'base64'));
}

/** What an OCSP response says, in openssl's words; times are epoch seconds. */
export interface OcspReading {
  /** `successful`, or the error's name in lower case: `trylater`. */
  readonly status: string;
  readonly producedAt: number;
  readonly responses: readonly {
    readonly serialNumber: string;
    readonly status: string;
    readonly revokedAt?: number;
    /** `keyCompromise`. */
    readonly reason?: string;
    readonly thisUpdate: number;
    readonly nextUpdate: number;
  }[];
  readonly hasNonce: boolean;
  /** The responder's certificate. */
  readonly certificatePem: string;
}

/** Reads a response without judging it. */
export function readOcspResponse(der: Uint8Array): OcspReading {
  const { stdout, stderr } = openssl(['ocsp', '-respin', 'response.der', '-noverify', '-resp_text'], { 'response.der': der });
  const status = /(?:OCSP Response Status|Responder Error): (\w+) \(/.exec(stdout)?.[1];
  if (status === undefined) throw new Error(`This is no OCSP response: ${stdout} ${stderr}`);
  const [head = '', ...responses] = stdout.split('Certificate ID:');
  return {
    status,
    producedAt: epochSeconds(field(head, 'Produced At')),
    responses: responses.map((text) => {
      const revokedAt = field(text, 'Revocation Time');
      const reason = field(text, 'Revocation Reason');
      return {
        serialNumber: field(text, 'Serial Number') ?? '',
        status: field(text, 'Cert Status') ?? '',
        ...(revokedAt !== undefined && { revokedAt: epochSeconds(revokedAt) }),
        ...(reason !== undefined && { reason: reason.replace(/ .*/, '') }),
        thisUpdate: epochSeconds(field(text, 'This Update')),
        nextUpdate: epochSeconds(field(text, 'Next Update')),
      };
    }),
    hasNonce: stdout.includes('OCSP Nonce'),
    certificatePem: /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(stdout)?.[0] ?? '',
  };
}

const field = (text: string, name: string) => new RegExp(`${name}: (.*)\n`).exec(text)?.[1];

const epochSeconds = (text: string | undefined) => Date.parse(text ?? '') / 1000;
