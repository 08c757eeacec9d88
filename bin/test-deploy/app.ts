// The CDK app of the directory that it is run in, less what the emulator lacks (omissions.ts). The CDK program runs it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withoutOmissions, type Template } from './omissions.ts';

await import(pathToFileURL(join(process.cwd(), 'bin/app.ts')).href);

// The app writes its templates at the same event, which it listens to already.
process.once('beforeExit', () => {
  const outputDirectory = process.env['CDK_OUTDIR'] ?? 'cdk.out';
  for (const name of readdirSync(outputDirectory).filter((file) => file.endsWith('.template.json'))) {
    const file = join(outputDirectory, name);
    writeFileSync(file, JSON.stringify(withoutOmissions(JSON.parse(readFileSync(file, 'utf8')) as Template)));
  }
});
