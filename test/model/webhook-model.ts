import type { SequentialModel } from '../support/linearizability.ts';
import type { Answer } from './agent-model.ts';

/** A webhook: it is made, says what was last written to it, and is deleted once and for ever. */
export interface WebhookState {
  readonly status: 'absent' | 'present' | 'deleted';
  readonly description: string | null;
}

export type WebhookAction =
  | { readonly kind: 'create' | 'edit'; readonly answer: Answer; readonly description: string | null }
  | { readonly kind: 'delete'; readonly answer: Answer }
  /** Undefined where there was none to be seen. */
  | { readonly kind: 'read'; readonly seen: { readonly description: string | null } | undefined };

export const webhookModel: SequentialModel<WebhookState, WebhookAction> = {
  initial: { status: 'absent', description: null },
  isRead: ({ kind }) => kind === 'read',
  step(state, action) {
    const { status, description } = state;
    const isThere = status === 'present';
    if ('answer' in action && action.answer === 'WEBHOOK_NOT_FOUND') return isThere ? [] : [state];
    if ('answer' in action && action.answer === 'WEBHOOK_CHANGED_MEANWHILE') return [state];
    switch (action.kind) {
      case 'create': return status === 'absent' ? [{ status: 'present', description: action.description }] : [];
      case 'edit': return isThere ? [{ ...state, description: action.description }] : [];
      case 'delete': return isThere ? [{ ...state, status: 'deleted' }] : [];
      case 'read': return (action.seen === undefined ? !isThere : isThere && action.seen.description === description) ? [state] : [];
    }
  },
};
