interface Entry<T> {
  readonly dueAt: number;
  readonly order: number;
  readonly item: T;
}

/** Items in the order in which they are due, and of those due at once in the order in which they came: a binary heap. */
export class Agenda<T> {
  readonly #heap: Entry<T>[] = [];
  #added = 0;

  /** The item due first. */
  get first(): T | undefined {
    return this.#heap[0]?.item;
  }

  add(dueAt: number, item: T): void {
    const entry = { dueAt, order: this.#added++, item };
    let index = this.#heap.push(entry) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && isBefore(entry, this.#at(parent)); parent = (index - 1) >> 1) {
      this.#heap[index] = this.#at(parent);
      index = parent;
    }
    this.#heap[index] = entry;
  }

  removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#at(child + 1), this.#at(child))) child++;
      if (!isBefore(this.#at(child), last)) break;
      this.#heap[index] = this.#at(child);
      index = child;
    }
    this.#heap[index] = last;
  }

  #at(index: number): Entry<T> {
    return this.#heap[index] as Entry<T>;
  }
}

function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.order < other.order);
}
