import { clientOperations } from './client-operations.ts';
import { openApiDocument } from './document.ts';
import { reference } from './reference.ts';

/** The files that follow from the table of routes, by their paths in the repository; `npm run openapi` writes them. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const document = openApiDocument();
  return {
    'docs/openapi.json': `${JSON.stringify(document, undefined, 2)}\n`,
    'docs/reference.md': reference(document),
    'client/operations.ts': clientOperations(document),
  };
}
