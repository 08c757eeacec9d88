/* What a receiver's owner reads in the history of deliveries: one sentence, of what was met and never of what was read. */

/** Why an answer counts as a failure; undefined where it does not. */
export function answeredSentence(statusCode: number): string | undefined {
  if (statusCode >= 200 && statusCode < 300) return undefined;
  if (statusCode >= 300 && statusCode < 400) return `The receiver answered ${statusCode}, and redirects are not followed: register the URL that it leads to.`;
  return `The receiver answered ${statusCode}.`;
}

const byCode: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The receiver’s name has no address.',
  EAI_AGAIN: 'The receiver’s name could not be looked up.',
  ECONNREFUSED: 'The receiver refused the connection.',
  ECONNRESET: 'The receiver ended the connection before it had answered.',
  EPIPE: 'The receiver ended the connection before it had answered.',
  EHOSTUNREACH: 'The receiver cannot be reached.',
  ENETUNREACH: 'The receiver cannot be reached.',
  ETIMEDOUT: 'The receiver cannot be reached.',
  CERT_HAS_EXPIRED: 'The receiver’s TLS certificate has expired.',
  CERT_NOT_YET_VALID: 'The receiver’s TLS certificate is not valid yet.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The receiver’s TLS certificate is for another name than the URL’s.',
  EPROTO: 'The receiver does not speak TLS as it should.',
};

/** Node's codes for a certificate that it cannot follow to one it trusts. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const untrusted = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)/;

/** Why nothing was answered. */
export function failureSentence(error: unknown, timeoutMilliseconds: number): string {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (name === 'AbortError' || name === 'TimeoutError') return `The receiver did not answer within ${timeoutMilliseconds / 1000} s.`;
  if (typeof code !== 'string') return 'The delivery failed before the receiver had answered.';
  const known = byCode[code];
  if (known !== undefined) return known;
  if (untrusted.test(code)) return `The receiver’s TLS certificate is not trusted (${code}).`;
  if (code.startsWith('ERR_SSL_')) return 'The receiver does not speak TLS as it should.';
  if (code.startsWith('HPE_')) return 'The receiver’s answer is not HTTP.';
  return `The delivery failed before the receiver had answered (${code}).`;
}
