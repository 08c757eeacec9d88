/** An element and what is in it: text, or further elements. */
export type XmlElement = readonly [name: string, content: string | readonly XmlElement[]];

/** An XML document of one root element; `namespace` is the root's, if it has one. */
export function xmlDocument(root: string, content: readonly XmlElement[], namespace?: string): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${content.map(serialize).join('')}</${root}>`;
}

function serialize([name, content]: XmlElement): string {
  return `<${name}>${typeof content === 'string' ? escape(content) : content.map(serialize).join('')}</${name}>`;
}

// A parser would turn a bare CR into LF. Other control characters XML 1.0 cannot carry at all; S3 writes them like this too, and offers
// encoding-type=url to those who have such keys.
function escape(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[&<>"\u0000-\u001f]/g, (character) => `&#${character.charCodeAt(0)};`);
}
