import { agentModel as soundModel, type AgentAction, type AgentModel } from './agent-model.ts';

/** A model that is wrong: where it is revoked, it would have the agent stay active. The service is not like that, and so has to be found different. */
export const agentModel: AgentModel = {
  ...soundModel,
  step(state, action: AgentAction) {
    const after = soundModel.step(state, action);
    return action.kind === 'revoke' && action.answer === 'done' ? after.map((revoked) => ({ ...revoked, status: state.status })) : after;
  },
};
