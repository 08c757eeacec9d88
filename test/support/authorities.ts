import type { Call } from './runtime.ts';

/** The PEM certificates in a text, each with its last line feed. */
export const pemsIn = (text: string): string[] => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];

/** The authorities' certificates, as GET /ca answers them. */
export async function authorityPems(call: Call): Promise<{ issuing: string; root: string }> {
  const [issuing, root, ...others] = pemsIn((await call('GET', '/ca')).body as string);
  if (issuing === undefined || root === undefined || others.length > 0) throw new Error('GET /ca is to answer two certificates.');
  return { issuing, root };
}
