import type { FinancialScope } from '../../authority/agent.ts';
import { facts, none } from './facts.ts';
import { foreign, html, type Html, type Part } from './html.ts';
import type { Verification } from './validity-bar.ts';
import { decimal, usd } from './words.ts';

/** The agent the certificate was issued to. */
export function whoItIs({ agent }: Verification): Html {
  const stated = (value: string | null) => (value === null ? none('Not stated') : foreign(value));
  return html`<section>
<h2>Who it is</h2>
<p>As its operator described it when the certificate was issued, whatever was edited later.</p>
${facts([
    { name: 'Name', value: foreign(agent.name) },
    { name: 'Operator', value: stated(agent.operator_org) },
    { name: 'Model', value: stated(agent.model) },
    { name: 'Version', value: stated(agent.version) },
    { name: 'Model hash', value: foreign(agent.model_hash), exact: true },
    { name: 'Agent id', value: agent.id, exact: true },
  ])}
</section>`;
}

/** What the certificate was issued for. */
export function whatItMayDo({ status, permitted_actions: actions, financial_scope: scope }: Verification): Html {
  const row = (name: string, value: Part) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`;
  return html`<section>
${status === 'active'
    ? html`<h2>What it may do</h2>
<p>Nothing beyond this is certified.</p>`
    : html`<h2>What it was allowed to do</h2>
<p>While the certificate held, and not now.</p>`}
<table>
<tbody>
${row('Actions', list(actions))}
${scope === null ? row('Financial scope', none('None stated')) : [
    row('Largest single trade', limit(scope.max_single_trade_usd)),
    row('Daily limit', limit(scope.daily_limit_usd)),
    row('Instruments', list(scope.permitted_instruments)),
    row('Venues', list(scope.permitted_venues)),
    row('Leverage', leverage(scope)),
  ]}
</tbody>
</table>
</section>`;
}

const limit = (value: number | undefined) => (value === undefined ? none('Not stated') : usd(value));

function list(values: readonly string[] | undefined): Html {
  if (values === undefined || values.length === 0) return none(values === undefined ? 'Not stated' : 'None');
  return html`<ul class="list">${values.map((value) => html`<li>${foreign(value)}</li>`)}</ul>`;
}

function leverage({ leverage_permitted: permitted, max_leverage_ratio: ratio }: FinancialScope): Part {
  if (permitted === false) return 'Not permitted';
  if (ratio !== undefined) return `${permitted === true ? 'Permitted, up' : 'Up'} to ${decimal(ratio)}\u00a0:\u00a01`;
  return permitted === true ? 'Permitted' : none('Not stated');
}
