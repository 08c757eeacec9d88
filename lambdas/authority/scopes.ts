/** What an API key may do; each endpoint of lambdas/routes.ts names the one it needs. */
export const scopes = [
  'agents:read',
  'agents:write',
  'agents:sign',
  'certificates:read',
  'certificates:issue',
  'certificates:revoke',
  'events:read',
  'events:write',
  'risk:write',
  'audit:read',
  'webhooks:read',
  'webhooks:write',
] as const;

export type Scope = (typeof scopes)[number];
