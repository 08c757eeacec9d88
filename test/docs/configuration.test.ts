import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { DEFAULT_PRIVATE_ARC } from '../../lambdas/pki/profile.ts';
import { readSettings, settingNames } from '../../lib/settings.ts';
import { root } from '../lib/synthesized.ts';

const rows = [...readFileSync(new URL('docs/configuration.md', root), 'utf8').matchAll(/^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(([, name = '', byDefault = '']) => ({ name, byDefault }));

test('every setting is documented, with its default, its reason and its danger', () => {
  expect(rows.map(({ name }) => name).sort()).toEqual([...settingNames].sort());
  const settings = readSettings({ organization: 'Example Ltd' }) as Readonly<Record<string, unknown>>;
  const shown = (value: unknown) => (value === undefined ? '–' : typeof value === 'object' ? `\`${JSON.stringify(value)}\`` : typeof value === 'number' ? value : `\`${String(value)}\``);
  for (const { name, byDefault } of rows) {
    if (name === 'organization') expect(byDefault).toBe('–');
    else expect([name, byDefault.replace(/(?<=\d),(?=\d{3})/, '')]).toEqual([name, name === 'privateArc' ? DEFAULT_PRIVATE_ARC : String(shown(settings[name]))]);
  }
});

test('README leads to them all', () => {
  expect(readFileSync(new URL('README.md', root), 'utf8')).toContain('docs/configuration.md');
});
