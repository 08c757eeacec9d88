export * from '../../lib/described-stack.ts';

const certificateIn = (region: string) => `arn:aws:acm:${region}:123456789012:certificate/12345678-1234-1234-1234-123456789012`;

/** Settings of a deployment under names of its own. */
export const ownDomains = {
  distributionDomain: { name: 'pki.example.com', certificateArn: certificateIn('us-east-1') },
  apiDomain: { name: 'api.example.com', certificateArn: certificateIn('eu-west-1') },
} as const;
