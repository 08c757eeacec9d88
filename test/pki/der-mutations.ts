import fc from 'fast-check';
import { derElement, derHeader } from '../../lambdas/pki/der-writer.ts';
import { DerError, readDer } from '../../lambdas/pki/der-reader.ts';

/* DER that is nearly right: what no random octets would ever come to, and what a parser has to be afraid of. */

/** An element of the sound DER, and those in it; also those that an OCTET STRING or BIT STRING holds as DER of their own. */
interface Node {
  readonly tag: number;
  /** What a BIT STRING has in front of the DER in it. */
  readonly prefix: Uint8Array;
  readonly content: Uint8Array;
  readonly children: readonly Node[];
}

/**
 * What becomes of `sound`, which is one element in strict DER: octets changed, cut off, put in or left out, and elements replaced, with
 * every length around them right again, so that the reader gets as far as the one that is wrong.
 */
export function mutatedDer(sound: Uint8Array): fc.Arbitrary<Uint8Array> {
  const root = nodeOf(sound);
  const nodes = [...allOf(root)];
  const changed = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }).map((changes) => {
    const octets = Uint8Array.from(sound);
    for (const [offset, change] of changes) octets[offset] = (octets[offset] ?? 0) ^ change;
    return octets;
  });
  const cut = fc.nat(sound.length).map((length) => sound.slice(0, length));
  const spliced = fc.tuple(fc.nat(sound.length), fc.nat(40), fc.uint8Array({ maxLength: 40 }))
    .map(([offset, left, put]) => Uint8Array.from([...sound.subarray(0, offset), ...put, ...sound.subarray(offset + left)]));
  const operated = fc.array(fc.tuple(fc.nat(nodes.length - 1), replacement(nodes)), { minLength: 1, maxLength: 3 }).map((operations) => {
    const replacements = new Map(operations.map(([index, by]) => [nodes[index], by]));
    return encoded(root, (node) => replacements.get(node)?.(node));
  });
  return fc.oneof({ weight: 2, arbitrary: changed }, { weight: 1, arbitrary: cut }, { weight: 1, arbitrary: spliced }, { weight: 4, arbitrary: operated }, { weight: 1, arbitrary: hostileElement }).map(shownInHexadecimal);
}

/** For the message of a failure: `openssl asn1parse -inform DER` reads it after `xxd -r -p`. */
function shownInHexadecimal(octets: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(octets);
  Object.defineProperty(copy, fc.toStringMethod, { value: () => Buffer.from(copy).toString('hex') });
  return copy;
}

type Replacement = (node: Node) => Uint8Array;

function replacement(nodes: readonly Node[]): fc.Arbitrary<Replacement> {
  const always = (octets: Uint8Array): Replacement => () => octets;
  return fc.oneof(
    hostileElement.map(always),
    // The one in the place of the other, left out, twice.
    fc.nat(nodes.length - 1).map((index) => always(encoded(nodes[index] as Node))),
    fc.constant(always(new Uint8Array())),
    fc.integer({ min: 2, max: 40 }).map((times): Replacement => (node) => Buffer.concat(Array.from({ length: times }, () => encoded(node)))),
    // Its tag or its content another.
    fc.nat(255).map((tag): Replacement => (node) => derElement(tag, node.prefix, contentOf(node))),
    fc.uint8Array({ maxLength: 40 }).map((content): Replacement => ({ tag }) => derElement(tag, content)),
    fc.integer({ min: 1, max: 3000 }).map((length): Replacement => ({ tag }) => derElement(tag, new Uint8Array(length).fill(0x41))),
    // A length that is not its own.
    lengthOctets.map((length): Replacement => (node) => Uint8Array.from([node.tag, ...length, ...node.prefix, ...contentOf(node)])),
    fc.integer({ min: -3, max: 3 }).map((difference): Replacement => (node) => {
      const content = contentOf(node);
      return Uint8Array.from([...derHeader(node.tag, Math.max(0, content.length + difference)), ...content]);
    }),
  );
}

/** Indefinite, reserved, not minimal, and all the memory that there is. */
const lengthOctets = fc.oneof(
  fc.constantFrom([0x80], [0xff], [0x81, 0x00], [0x82, 0x00, 0x01], [0x83, 0xff, 0xff, 0xff], [0x84, 0x7f, 0xff, 0xff, 0xff], [0x84, 0xff, 0xff, 0xff, 0xff], [0x85, 1, 0, 0, 0, 0], [0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x88, 0, 0, 0, 0, 0, 0, 0, 1]),
  fc.tuple(fc.integer({ min: 1, max: 126 }), fc.uint8Array({ maxLength: 126 })).map(([count, octets]) => [0x80 | count, ...octets]),
);

/** Deep, many, long numbers, tags without end. */
const hostileElement: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.constantFrom(0x30, 0x31, 0x24, 0xa0, 0xa3), fc.integer({ min: 1, max: 4000 })).map(([tag, depth]) => nested(tag, depth)),
  fc.tuple(fc.constantFrom(0x30, 0xa0, 0x24), fc.integer({ min: 1, max: 4000 })).map(([tag, depth]) => Uint8Array.from(Array.from({ length: depth * 2 }, (_, index) => (index % 2 === 0 ? tag : 0x80)))),
  fc.tuple(fc.constantFrom(0x30, 0x31), fc.constantFrom([0x30, 0x00], [0x05, 0x00], [0x02, 0x01, 0x00], [0x31, 0x00], [0x04, 0x00]), fc.integer({ min: 1, max: 3000 }))
    .map(([tag, one, count]) => derElement(tag, Uint8Array.from(Array.from({ length: count }, () => one).flat()))),
  fc.tuple(fc.constantFrom(0x02, 0x06, 0x03, 0x0a, 0x17, 0x18), fc.integer({ min: 0, max: 4000 }), fc.constantFrom(0x00, 0x7f, 0x80, 0xff)).map(([tag, length, octet]) => derElement(tag, new Uint8Array(length).fill(octet))),
  fc.tuple(fc.nat(255), lengthOctets, fc.uint8Array({ maxLength: 20 })).map(([tag, length, content]) => Uint8Array.from([tag, ...length, ...content])),
  fc.integer({ min: 1, max: 200 }).map((count) => Uint8Array.from([0x3f, ...new Array<number>(count).fill(0xff), 0x01, 0x00])),
  fc.uint8Array({ maxLength: 300 }),
);

function nested(tag: number, depth: number): Uint8Array {
  // From the inside out, each in front of the others: no encoding anew at every level.
  const headers: Uint8Array[] = [];
  for (let length = 0; headers.length < depth; ) {
    const header = derHeader(tag, length);
    headers.unshift(header);
    length += header.length;
  }
  return Buffer.concat(headers);
}

const nothing = new Uint8Array();
const OCTET_STRING = 0x04;
const BIT_STRING = 0x03;

function nodeOf(der: Uint8Array): Node {
  const { tag, content, children } = readDer(der);
  if (children.length > 0) return { tag, prefix: nothing, content, children: children.map(({ encoded: child }) => nodeOf(child)) };
  const prefix = tag === BIT_STRING ? content.subarray(0, 1) : nothing;
  const inner = tag === OCTET_STRING || tag === BIT_STRING ? innerNode(content.subarray(prefix.length)) : undefined;
  return { tag, prefix, content, children: inner === undefined ? [] : [inner] };
}

function innerNode(octets: Uint8Array): Node | undefined {
  try {
    return nodeOf(octets);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function* allOf(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children) yield* allOf(child);
}

const contentOf = ({ prefix, content }: Node): Uint8Array => content.subarray(prefix.length);

function encoded(node: Node, replaced: (node: Node) => Uint8Array | undefined = () => undefined): Uint8Array {
  const other = replaced(node);
  if (other !== undefined) return other;
  if (node.children.length === 0) return derElement(node.tag, node.content);
  return derElement(node.tag, node.prefix, ...node.children.map((child) => encoded(child, replaced)));
}
