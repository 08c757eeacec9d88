/** What is wrong with one field of a request. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export interface KakuninErrorDetails {
  readonly code: string;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly issues?: readonly Issue[] | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** A call that failed: refused by the service, or never answered. */
export class KakuninError extends Error {
  override readonly name = 'KakuninError';
  /**
   * The service's code, such as ACTIVE_CERTIFICATE_EXISTS (docs/api.md, Errors). CONNECTION_FAILED and TIMEOUT where there was
   * no answer, UNEXPECTED_ANSWER where it was not the service's.
   */
  readonly code: string;
  /** Of HTTP; undefined where there was no answer. */
  readonly status: number | undefined;
  /** For the operator to look it up. */
  readonly requestId: string | undefined;
  /** With VALIDATION_FAILED. */
  readonly issues: readonly Issue[];
  /** What a caller may act on, such as the certificate_id of ACTIVE_CERTIFICATE_EXISTS. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(message: string, { code, status, requestId, issues = [], data = {}, cause }: KakuninErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.issues = issues;
    this.data = data;
  }
}

/** The error that an answer of 400 or more stands for. */
export async function errorOf(response: Response): Promise<KakuninError> {
  const { status } = response;
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const body = (await response.json().catch(() => undefined)) as { error?: unknown; code?: unknown; issues?: readonly Issue[]; data?: Record<string, unknown> } | undefined;
  if (typeof body?.error !== 'string' || typeof body.code !== 'string') {
    return new KakuninError(`The server answered ${status}, and not as this service does. Check the base URL.`, { code: 'UNEXPECTED_ANSWER', status, requestId });
  }
  return new KakuninError(body.error, { code: body.code, status, requestId, issues: body.issues, data: body.data });
}
