import { writeFileSync } from 'node:fs';
import { generatedFiles } from '../openapi/generated.ts';

// npm run openapi: what is generated from the table of routes and its schemas.
for (const [path, text] of Object.entries(generatedFiles())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(path);
}
