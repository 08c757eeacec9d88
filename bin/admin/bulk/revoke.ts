import { finalReasonCodes } from '../../../lambdas/authority/revocation-reasons.ts';
import { revokeCertificateRequest } from '../../../lambdas/http/requests.ts';
import { validationMessage } from '../../../lambdas/http/validation-messages.ts';
import { certificateIdOf, parseSerialNumber, serialNumberOf } from '../../../lambdas/pki/serial-number.ts';
import type { BulkAction } from './action.ts';

interface Order {
  readonly reason: string;
  readonly reason_code: (typeof finalReasonCodes)[number];
}

// Trusted by nobody, as was wanted.
const endedAlready: readonly string[] = ['CERTIFICATE_ALREADY_REVOKED', 'CERTIFICATE_EXPIRED'];

/** Revokes each certificate. One that has ended already stays as it is, and is no failure. */
export const revocation: BulkAction<Order> = {
  outcome: 'revoked',
  format: {
    required: [['certificate_id', 'serial_number'], ['reason']],
    optional: ['reason_code'],
    read(row) {
      const [column, text = ''] = row['certificate_id'] === undefined ? ['serial_number', row['serial_number']] : ['certificate_id', row['certificate_id']];
      const serialNumber = parseSerialNumber(text);
      if (serialNumber === undefined) return { fault: `the ${column} "${text}" is ${column === 'certificate_id' ? 'not a UUID' : 'no serial number: it has up to 32 hexadecimal digits'}` };
      const order = { reason: row['reason'] ?? '', reason_code: finalReasonCodes.find((code) => code.toLowerCase() === (row['reason_code'] || 'unspecified').toLowerCase()) };
      if (order.reason_code === undefined) return { fault: `the reason_code "${row['reason_code']}" is none of ${finalReasonCodes.join(', ')}` };
      const [issue] = revokeCertificateRequest.safeParse(order, { error: validationMessage }).error?.issues ?? [];
      if (issue !== undefined) return { fault: `the ${issue.path.join('.')} ${issue.message}` };
      return { id: certificateIdOf(serialNumber), order: order as Order };
    },
  },
  async perform(api, id, order, idempotencyKey) {
    const revoked = await api.certificates.revoke(id, order, { idempotencyKey });
    return { outcome: 'revoked', status: 200, certificateId: id, serialNumber: revoked.serial_number, detail: `revoked at ${revoked.revoked_at}` };
  },
  async foresee(api, id, { reason_code: reasonCode }) {
    const { status, serial_number: serialNumber } = await api.certificates.get(id);
    const certificate = { certificateId: id, serialNumber };
    switch (status) {
      case 'revoked': return { ...certificate, outcome: 'unchanged', status: 409, code: 'CERTIFICATE_ALREADY_REVOKED', detail: 'The certificate is revoked already.' };
      case 'expired': return { ...certificate, outcome: 'unchanged', status: 422, code: 'CERTIFICATE_EXPIRED', detail: 'The certificate has expired.' };
      case 'active': return { ...certificate, outcome: 'revoked', status: 200, detail: reasonCode };
    }
  },
  refused({ status, code, message }, id) {
    return { outcome: endedAlready.includes(code) ? 'unchanged' : 'failed', status, code, certificateId: id, serialNumber: serialNumberOf(id), detail: message };
  },
};
