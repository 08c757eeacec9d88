/** A row of `sqlite_schema`, but for its `rootpage`. */
export interface SchemaRow {
  readonly type: 'table' | 'index';
  readonly name: string;
  readonly tableName: string;
  readonly sql: string;
}

const pageBytes = 4096;
const headerBytes = 100;
const leafHeaderBytes = 8;
const leafType = { table: 13, index: 10 } as const;

/**
 * A SQLite database with empty tables and indexes, as the bytes of its file (https://www.sqlite.org/fileformat2.html): a first page with the
 * header and the schema, and for each table and index a page with nothing on it. Throws where the schema does not fit onto one page.
 */
export function emptyDatabase(schema: readonly SchemaRow[]): Buffer {
  const pages = schema.map(({ type }) => leafPage(leafType[type], []));
  const cells = schema.map((row, index) => schemaCell(row, index + 1, index + 2));
  const file = Buffer.concat([leafPage(leafType.table, cells, headerBytes), ...pages]);
  writeHeader(file, pages.length + 1);
  return file;
}

/** Section 1.3; what is not set here is 0, and so a default. */
function writeHeader(file: Buffer, pageCount: number): void {
  file.write('SQLite format 3\0', 0, 'latin1');
  file.writeUInt16BE(pageBytes, 16);
  file.set([1, 1], 18); // Written and read with a rollback journal; the engine turns to a write-ahead log by itself.
  file.set([64, 32, 32], 21); // Fractions of a page, which are fixed.
  file.writeUInt32BE(1, 24); // The change counter.
  file.writeUInt32BE(pageCount, 28);
  file.writeUInt32BE(1, 40); // The schema's cookie.
  file.writeUInt32BE(4, 44); // The schema's format: the one with indexes on expressions.
  file.writeUInt32BE(1, 56); // UTF-8.
  file.writeUInt32BE(1, 92); // The change counter at which the page count was right.
}

/** Section 1.6: a page of a b-tree that is a leaf, its cells from the end backwards. */
function leafPage(type: number, cells: readonly Buffer[], offset = 0): Buffer {
  const page = Buffer.alloc(pageBytes);
  const pointers = offset + leafHeaderBytes;
  let start = pageBytes;
  cells.forEach((cell, index) => {
    start -= cell.length;
    if (start < pointers + 2 * cells.length) throw new RangeError(`The schema does not fit onto a page of ${pageBytes} bytes.`);
    cell.copy(page, start);
    page.writeUInt16BE(start, pointers + 2 * index);
  });
  page[offset] = type;
  page.writeUInt16BE(cells.length, offset + 3);
  page.writeUInt16BE(start, offset + 5);
  return page;
}

/** Sections 1.6 and 2.1: a row of the schema's table, as a record of four texts and an integer of one byte. */
function schemaCell({ type, name, tableName, sql }: SchemaRow, rowId: number, rootPage: number): Buffer {
  const texts = [type, name, tableName, sql].map((text) => Buffer.from(text));
  const [typeText, nameText, tableText, sqlText] = texts as [Buffer, Buffer, Buffer, Buffer];
  const textType = ({ length }: Buffer) => varint(13 + 2 * length);
  const types = Buffer.concat([textType(typeText), textType(nameText), textType(tableText), varint(1), textType(sqlText)]);
  const record = Buffer.concat([varint(types.length + 1), types, typeText, nameText, tableText, Buffer.from([rootPage]), sqlText]);
  return Buffer.concat([varint(record.length), varint(rowId), record]);
}

/** Of up to 14 bits: seven in each byte, the high ones first. */
function varint(value: number): Buffer {
  if (value >= 1 << 14) throw new RangeError('Too much for a page.');
  return Buffer.from(value < 1 << 7 ? [value] : [(value >> 7) | 0x80, value & 0x7f]);
}
