import type { BulkAction } from './action.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Issues each agent a certificate. One that has an active one already fails: it says what the agent was, not what it is. */
export const certification: BulkAction<undefined> = {
  outcome: 'certified',
  format: {
    required: [['agent_id']],
    optional: [],
    read({ agent_id: text = '' }) {
      const id = text.toLowerCase();
      return uuid.test(id) ? { id, order: undefined } : { fault: `the agent_id "${text}" is not a UUID` };
    },
  },
  async perform(api, id, _order, idempotencyKey) {
    const certificate = await api.agents.certify(id, {}, { idempotencyKey });
    return { outcome: 'certified', status: 201, certificateId: certificate.id, serialNumber: certificate.serial_number, detail: `expires ${certificate.expires_at}` };
  },
  async foresee(api, id) {
    const agent = await api.agents.get(id);
    if (agent.status === 'retired') return { outcome: 'failed', status: 422, code: 'AGENT_RETIRED', detail: 'The agent is retired.' };
    const active = agent.certificates.find(({ status }) => status === 'active');
    if (active === undefined) return { outcome: 'certified', status: 201, detail: `${agent.name}, ${agent.status}` };
    return {
      outcome: 'failed', status: 409, code: 'ACTIVE_CERTIFICATE_EXISTS', certificateId: active.id, serialNumber: active.serial_number,
      detail: 'The agent already has an active certificate.',
    };
  },
  refused({ status, code, message, data: { certificate_id: certificateId } }) {
    return { outcome: 'failed', status, code, detail: message, ...(typeof certificateId === 'string' && { certificateId }) };
  },
};
