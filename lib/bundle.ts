import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { handlerNames } from './platform.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
// Always the same place, so that the paths inside the source maps, and with them the assets' hashes, are the same everywhere.
const outputFolder = path.join(root, 'dist', 'lambdas');

let bundled = false;

/**
 * Bundles every handler, all of them in one run of esbuild and once per synthesis.
 * @returns the folder in which each handler has a folder of its own, with index.js and its source map.
 */
export function bundleHandlers(): string {
  if (bundled) return outputFolder;
  rmSync(outputFolder, { recursive: true, force: true });
  buildSync({
    absWorkingDir: root,
    entryPoints: handlerNames.map((name) => ({ in: `lambdas/handlers/${name}.ts`, out: `${name}/index` })),
    outdir: outputFolder,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // CommonJS starts faster than ESM; a folder without package.json is CommonJS to Node. The ESM half of each dependency
    // goes in, because only that can be tree-shaken.
    format: 'cjs',
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  });
  bundled = true;
  return outputFolder;
}
