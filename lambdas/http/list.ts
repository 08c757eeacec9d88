import type { Page } from '../authority/ports.ts';
import type { Answer } from './answer.ts';

/** 200 with one page of a list: `data`, `meta` and `pagination`. */
export function list<Item>({ items, nextCursor }: Page<Item>, resource: (item: Item) => object, { limit, meta }: { limit: number; meta?: object }): Answer {
  const pagination = { limit, has_next_page: nextCursor !== undefined, next_cursor: nextCursor ?? null };
  return { status: 200, body: { data: items.map(resource), meta: meta ?? { limit }, pagination } };
}
