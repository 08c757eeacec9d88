import type { Context, ScheduledEvent } from 'aws-lambda';
import { reconcile } from '../authority/reconcile.ts';
import { log } from '../log.ts';
import { invocation } from './invocation.ts';
import { measurement } from './metrics.ts';
import { reconcilerServices } from './reconciler-services.ts';

/** What the last requests may take, once it is too late to begin another. */
const marginMilliseconds = 60_000;

/** Called by the clock: finds what faults have left undone, and has it done. */
export const handler = invocation('reconcile', async (_event: ScheduledEvent, context: Context): Promise<void> => {
  const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - marginMilliseconds));
  const { findings, keys, keysInAccount, failures, completed } = await reconcile(reconcilerServices(signal), {
    signal,
    onFinding: (finding) => log.info('reconcile', { finding }),
    onFailure: (error) => log.error('reconcile', error),
  });
  log.info('reconcile', { completed, ...measurement({
    KeysReconciled: keys, AbandonedKeys: findings['abandoned-key'], DeadLeases: findings['dead-lease'], MissingEffects: findings['missing-effect'],
    UnansweredRisks: findings['unanswered-risk'], OverdueExpiries: findings['overdue-expiry'], ReconcilerFailures: failures,
    ...(keysInAccount !== undefined && { KeysInAccount: keysInAccount }),
  }) });
  if (failures > 0) throw new Error(`${failures} of what the reconciler looked at could not be reconciled: its log says what.`);
});
