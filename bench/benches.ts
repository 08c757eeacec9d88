import { autoRevoke } from './auto-revoke.ts';
import { awsCalls } from './aws-calls.ts';
import { build } from './build.ts';
import { certify } from './certify.ts';
import { crl } from './crl.ts';
import { drain } from './drain.ts';
import { events } from './events.ts';
import type { Bench } from './harness/bench.ts';
import { load } from './load.ts';
import { ocsp } from './ocsp.ts';
import { revocation } from './revocation.ts';
import { revoke } from './revoke.ts';
import { usage } from './usage.ts';
import { verify } from './verify.ts';

/** What can be measured, by the name it is asked for, in the order it is run. Certificates that one leaves serve the next. */
export const benches: Readonly<Record<string, Bench>> = {
  build,
  crl,
  certify,
  verify,
  ocsp,
  revoke,
  revocation,
  events,
  'auto-revoke': autoRevoke,
  'aws-calls': awsCalls,
  drain,
  load,
  usage,
};
