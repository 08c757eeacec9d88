import { App, Tags } from 'aws-cdk-lib';
import { KakuninStack } from '../lib/kakunin-stack.ts';
import { readSettings } from '../lib/settings.ts';

const app = new App();
const settings = readSettings(app.node.tryGetContext('kakunin'));

// Without an account the stack fits any, and synthesis needs no credentials.
new KakuninStack(app, 'Kakunin', {
  settings,
  stackName: settings.deployment,
  description: 'Kakunin: X.509 certificates for AI agents',
  env: { region: settings.region },
});
Tags.of(app).add('kakunin:deployment', settings.deployment);
