// npm run cost: what the service costs a month, by AWS service.
import { parseArgs } from 'node:util';
import { renderTable } from './admin/table.ts';
import { billOf, total, type BillLine, type Volume } from './cost/bill.ts';
import { privateCaBills } from './cost/private-ca.ts';

const usage = `What the service costs in eu-west-1, in US dollars a month, and AWS Private CA for the same certificates.

  npm run cost -- --agents <n> [--verify-per-day <n>] …

  --agents <n>               with an active certificate (1000)
  --certify-per-month <n>    first certificates (a 24th of the agents)
  --renew-per-month <n>      renewals (a 12th of the agents: one a year each)
  --revoke-per-month <n>     revocations (1 % of the agents)
  --sign-per-day <n>         messages signed with agents' keys (0)
  --events-per-day <n>       events and risk scores (100 for each agent)
  --verify-per-day <n>       verifications by serial number (10 for each agent)
  --verify-message-per-day <n>   verifications of messages (0)
  --ocsp-per-day <n>         OCSP requests (0)
  --ocsp-cached <share>      of them answered by CloudFront, 0 to 1 (0.5)
  --crl-per-day <n>          CRLs downloaded (24)
  --deliveries-per-day <n>   to webhooks (0)
  --months <n>               for how long it has been in use: what is stored is kept (12)
  --json                     nothing but JSON

Numbers may be written as 1e6. Formula, assumptions and prices: docs/cost.md.
`;

interface Options {
  readonly volume: Volume;
  readonly json: boolean;
}

/** Throws one sentence about what cannot be understood. */
function readOptions(args: string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      'agents': text, 'certify-per-month': text, 'renew-per-month': text, 'revoke-per-month': text, 'sign-per-day': text, 'events-per-day': text, 'verify-per-day': text,
      'verify-message-per-day': text, 'ocsp-per-day': text, 'ocsp-cached': text, 'crl-per-day': text, 'deliveries-per-day': text, 'months': text,
      'json': { type: 'boolean', default: false }, 'help': { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const read = (name: Exclude<keyof typeof values, 'json' | 'help'>, byDefault: number, most = 1e12): number => {
    const given = values[name];
    if (given === undefined) return byDefault;
    const value = given.trim() === '' ? NaN : Number(given);
    if (!(value >= 0 && value <= most)) throw new Error(`--${name} is "${given}": it must be a number from 0 to ${most}.`);
    return value;
  };
  const daily = (name: Parameters<typeof read>[0], byDefault: number) => 30 * read(name, byDefault);
  const agents = read('agents', 1000, 1e9);
  return {
    json: values.json,
    volume: {
      agents,
      certifications: read('certify-per-month', agents / 24),
      renewals: read('renew-per-month', agents / 12),
      revocations: read('revoke-per-month', agents / 100),
      signatures: daily('sign-per-day', 0),
      events: daily('events-per-day', 100 * agents),
      verifications: daily('verify-per-day', 10 * agents),
      messageVerifications: daily('verify-message-per-day', 0),
      ocspRequests: daily('ocsp-per-day', 0),
      ocspCached: read('ocsp-cached', 0.5, 1),
      crlDownloads: daily('crl-per-day', 24),
      deliveries: daily('deliveries-per-day', 0),
      monthsStored: read('months', 12, 1200),
    },
  };
}

/** Lines in columns, with their sum; what costs less than half a cent is said to. */
function billText(title: string, lines: readonly BillLine[]): string {
  const usd = (value: number) => (value > 0 && value < 0.005 ? '< 0.01' : value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
  const rows = [...lines.map((line) => [line.service, line.what, usd(line.usd)]), ['', 'together', usd(total(lines))]];
  return `${title}\n\n${renderTable(rows, { header: ['service', 'for', 'USD a month'], rightAligned: [2] }).map((row) => `  ${row}\n`).join('')}\n`;
}

let options: ReturnType<typeof readOptions>;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
if (options === 'help') {
  process.stdout.write(usage);
} else {
  const bill = billOf(options.volume);
  const others = privateCaBills(options.volume);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ volume: options.volume, bill, total: total(bill), privateCa: others })}\n`);
  } else {
    process.stdout.write(billText('Kakunin', bill));
    for (const [mode, lines] of Object.entries(others)) process.stdout.write(billText(`AWS Private CA, ${mode}: the certificates alone`, lines));
    process.stdout.write('List prices without taxes, free tiers and discounts: an estimate, not an offer. docs/cost.md says how it is made.\n');
  }
}
