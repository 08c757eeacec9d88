import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { scopes } from '../../lambdas/authority/scopes.ts';
import { checkScopes } from '../../lambdas/authority/api-key.ts';
import { handlerNames } from '../../lib/platform.ts';

/* docs/security-model.md claims much; what of it a program can hold it to. */

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const model = read('docs/security-model.md');

/** What stands under a heading, up to the next one of its level or above. */
function section(heading: string): string {
  const [, level = ''] = /^(#+) /.exec(heading) ?? [];
  const [, body] = model.split(`${heading}\n`);
  if (body === undefined) throw new Error(`There is no "${heading}".`);
  return body.split(new RegExp(`^#{1,${level.length}} `, 'm'))[0] ?? '';
}

/** The rows of all tables in a text, cell by cell, without their headings. */
const rows = (text: string): string[][] => text.split('\n\n').filter((block) => block.trimStart().startsWith('|'))
  .flatMap((block) => block.trim().split('\n').slice(2).map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())));

const named = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name]) => String(name)))];
const codeIn = (cell: string | undefined) => named(cell ?? '', /`([^`]+)`/g);

describe.each(['docs/security-model.md', 'SECURITY.md'])('%s', (page) => {
  const text = read(page);
  test('names no source or test that is not there', () => {
    const files = named(text, /`((?:bin|client|docs|lambdas|lib|local|test|verify)\/[\w./-]+\.\w+)`/g);
    if (page.startsWith('docs/')) expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
  });

  test('links to pages and headings that are there', () => {
    const slug = (heading: string) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s-]/gu, '').replaceAll(' ', '-');
    const broken = [...text.matchAll(/\]\((?!https:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, path = '', anchor]) => {
      const target = new URL(path === '' ? page : path, new URL(page, root));
      const file = path === '' ? new URL(page, root) : target;
      if (!existsSync(file)) return true;
      return anchor !== undefined && ![...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].some(([, heading = '']) => slug(heading) === anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

test('every function has its row, once, and no other has one', () => {
  expect(rows(section('## Who may do what: functions')).flatMap(([functions]) => codeIn(functions)).sort()).toEqual([...handlerNames].sort());
});

test('every scope has its row, and those that an agent’s own key may have are marked', () => {
  const table = rows(section('## Who may do what: API keys'));
  expect(table.flatMap(([scope]) => codeIn(scope)).sort()).toEqual([...scopes].sort());
  const isOfAgents = (scope: string) => {
    try {
      checkScopes([scope], 'an agent');
      return true;
    } catch {
      return false;
    }
  };
  expect(table.filter(([scope]) => scope?.endsWith('*')).flatMap(([scope]) => codeIn(scope)).sort()).toEqual(scopes.filter(isOfAgents).sort());
});

test('every threat has what counters it, and tests', () => {
  const threats = rows(section('## Threats'));
  expect(threats.length).toBeGreaterThan(30);
  for (const [threat, counter = '', tests] of threats) {
    expect(counter.length).toBeGreaterThan(0);
    expect([threat, codeIn(tests).filter((file) => file.endsWith('.test.ts')).length > 0]).toEqual([threat, true]);
  }
});
