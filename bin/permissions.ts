import { writeFileSync } from 'node:fs';
import { synthesize } from '../lib/described-stack.ts';
import { permissionTable } from '../lib/permission-table.ts';

// npm run permissions: what each function may do, as a table.
const path = 'docs/permissions.md';
writeFileSync(new URL(`../${path}`, import.meta.url), permissionTable(synthesize()));
console.log(path);
