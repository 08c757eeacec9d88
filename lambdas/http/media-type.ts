/**
 * The media type of `offered` that an Accept header prefers (RFC 9110 §12.5.1); the first one offered where the header is
 * missing, or accepts none of them: an answer in another form helps more than a refusal.
 */
export function preferredMediaType<Offered extends string>(accept: string | undefined, offered: readonly [Offered, ...Offered[]]): Offered {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    return { type, quality: Number.isNaN(quality) ? 0 : quality };
  });
  const qualityOf = (mediaType: string) => {
    const specific = ranges.find(({ type }) => type === mediaType);
    const general = ranges.find(({ type }) => type === `${mediaType.split('/')[0]}/*`) ?? ranges.find(({ type }) => type === '*/*');
    return (specific ?? general)?.quality ?? 0;
  };
  return offered.reduce((best, candidate) => (qualityOf(candidate) > qualityOf(best) ? candidate : best), offered[0]);
}
