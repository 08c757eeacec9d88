import type { z } from 'zod';
import type { AgentProfile, FinancialScope } from '../authority/agent.ts';
import type { AgentUpdate } from '../authority/manage-agent.ts';
import type { createAgentRequest, updateAgentRequest } from './requests.ts';

/** The profile that a request to register an agent describes; null and missing are alike. */
export function agentProfile(body: z.output<typeof createAgentRequest>): AgentProfile {
  return {
    ...withoutEmpty({
      model: body.model,
      version: body.version,
      description: body.description,
      operatorOrg: body.operator_org,
      financialScope: body.financial_scope && withoutEmpty<FinancialScope>(body.financial_scope),
    }),
    name: body.name,
    modelHash: body.model_hash,
    permittedActions: body.permitted_actions ?? [],
    metadata: body.metadata ?? {},
  };
}

/** What a PATCH changes: a field that is missing stays, one that is null is cleared. */
export function agentUpdate(body: z.output<typeof updateAgentRequest>): AgentUpdate {
  const cleared = <Value>(value: Value | null) => value ?? undefined;
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.model_hash !== undefined && { modelHash: body.model_hash }),
    ...(body.model !== undefined && { model: cleared(body.model) }),
    ...(body.version !== undefined && { version: cleared(body.version) }),
    ...(body.description !== undefined && { description: cleared(body.description) }),
    ...(body.operator_org !== undefined && { operatorOrg: cleared(body.operator_org) }),
    ...(body.permitted_actions !== undefined && { permittedActions: body.permitted_actions ?? [] }),
    ...(body.financial_scope !== undefined && { financialScope: body.financial_scope === null ? undefined : withoutEmpty<FinancialScope>(body.financial_scope) }),
    ...(body.metadata !== undefined && { metadata: body.metadata ?? {} }),
    ...(body.status !== undefined && { status: body.status }),
  };
}

function withoutEmpty<Fields extends object>(fields: { readonly [Name in keyof Fields]: Fields[Name] | null | undefined }): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as Fields;
}
