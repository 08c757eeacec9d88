import type { Page } from '../authority/ports.ts';
import type { Answer } from './answer.ts';

interface ListOptions {
  readonly limit: number;
  readonly meta?: object;
  /** Whether the cursor also stands beside `data`, where clients of older lists look for it. */
  readonly isCursorOnTop?: boolean;
}

/** 200 with one page of a list: `data`, `meta` and `pagination`. */
export function list<Item>({ items, nextCursor }: Page<Item>, resource: (item: Item) => object, { limit, meta = { limit }, isCursorOnTop = false }: ListOptions): Answer {
  const cursor = { has_next_page: nextCursor !== undefined, next_cursor: nextCursor ?? null };
  return { status: 200, body: { data: items.map(resource), meta, pagination: { limit, ...cursor }, ...(isCursorOnTop && cursor) } };
}
