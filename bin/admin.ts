// npm run admin -- …: tenants, API keys, agents, certificates and dead letters, here or on AWS.
import { runAdmin } from './admin/run.ts';
import { stackOutputs } from './admin/stack-outputs.ts';

// Which Node.js this runs on is the package's decision; the SDK need not remark on it above every answer.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

try {
  // Before the SDK looks for the Region.
  Object.assign(process.env, stackOutputs(process.env));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(2);
}
process.exitCode = await runAdmin(process.argv.slice(2), process.env, {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
});
