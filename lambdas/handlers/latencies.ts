import { log } from '../log.ts';
import { measurement } from './metrics.ts';
import { clock } from './services.ts';

/**
 * Logs how long ago certificates ended whose end has been dealt with just now.
 * @param name of the function
 * @param outcomes how each of `ends` went, in their order
 */
export function logLatencies(
  name: string, metric: 'CrlPublicationLatency' | 'KeyRetirementLatency', ends: readonly { readonly cause: string; readonly endedAt?: string }[], outcomes: readonly PromiseSettledResult<void>[],
): void {
  const dealtWith = ends.flatMap(({ endedAt }, index) => (endedAt !== undefined && outcomes[index]?.status === 'fulfilled' ? [clock().getTime() - Date.parse(endedAt)] : []));
  if (dealtWith.length > 0) log.info(name, measurement({ [metric]: dealtWith }));
}
