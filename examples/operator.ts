// What an agent's operator does. operator.ts certify: registers and certifies an agent, and prints its id.
// operator.ts revoke <agent id>: its certificate ends, for everybody and for good.
import { call } from './api.ts';

const [command, agentId] = process.argv.slice(2);

if (command === 'certify') {
  const { id } = await call('POST', '/agents', {
    name: 'Treasury agent',
    model: 'treasurer-7b',
    model_hash: 'sha256:9f86d081884c7d65',
    operator_org: 'Acme Capital',
    permitted_actions: ['payment:send', 'trade:execute'],
    financial_scope: { max_single_trade_usd: 10_000, daily_limit_usd: 25_000, permitted_instruments: ['BTC-USD', 'ETH-USD'] },
  });
  await call('POST', `/agents/${id}/certify`);
  console.log(id);
} else if (command === 'revoke' && agentId !== undefined) {
  const { certificates } = await call('GET', `/agents/${agentId}`);
  const active = certificates.find(({ status }: { status: string }) => status === 'active');
  if (active === undefined) throw new Error(`Agent ${agentId} has no active certificate.`);
  await call('POST', `/certificates/${active.id}/revoke`, { reason: 'Behaves strangely', reason_code: 'privilegeWithdrawn' });
  console.log(`Certificate ${active.serial_number} is revoked.`);
} else {
  console.error('Usage: operator.ts certify | operator.ts revoke <agent id>');
  process.exit(2);
}
