import {
  APIGatewayClient, ConflictException, CreateApiKeyCommand, CreateUsagePlanKeyCommand, DeleteUsagePlanKeyCommand, NotFoundException,
  paginateGetApiKeys, paginateGetUsagePlanKeys, paginateGetUsagePlans,
} from '@aws-sdk/client-api-gateway';
import { NotDone, UsagePlansUnavailable } from './failures.ts';

/*
 * A usage plan of API Gateway's applies to API keys of API Gateway's, and the API takes those from the authorizer, which answers the tenant's
 * id. So each tenant has such a key, whose value is its id. It is no secret and opens nothing: the API never looks at the header x-api-key.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-key-source.html
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether requests come through API Gateway: not where the tables are on this machine alone, as npm start has them. */
export function hasApiGateway({ AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_API_GATEWAY, AWS_ENDPOINT_URL_DYNAMODB }: Environment): boolean {
  return AWS_ENDPOINT_URL !== undefined || AWS_ENDPOINT_URL_API_GATEWAY !== undefined || AWS_ENDPOINT_URL_DYNAMODB?.startsWith('http:') !== true;
}

/** A deployment's plans, and which tenant is in which. */
export interface UsagePlans {
  /** The plan's name by the tenant's id. */
  list(): Promise<ReadonlyMap<string, string>>;
  /**
   * Puts a tenant into a plan, and takes it out of another. In between it is in none, for as long as a request takes.
   * Done already, nothing changes; broken off, the same call goes on.
   */
  put(tenantId: string, plan: string): Promise<void>;
}

interface Member {
  readonly plan: string;
  readonly planId: string;
  readonly keyId: string;
}

/** All functions throw UsagePlansUnavailable where API Gateway fails, and NotDone where there is no such plan. */
export function usagePlans(deployment: string): UsagePlans {
  // Its control plane takes a few requests a second of an account.
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
  const client = new APIGatewayClient({ maxAttempts: 10, retryMode: 'adaptive', requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000 } });

  async function planIds(): Promise<ReadonlyMap<string, string>> {
    const ids = new Map<string, string>();
    for await (const { items = [] } of paginateGetUsagePlans({ client, pageSize: 500 }, {})) {
      for (const { id, tags = {} } of items) {
        if (id !== undefined && tags['kakunin:deployment'] === deployment && tags['kakunin:plan'] !== undefined) ids.set(tags['kakunin:plan'], id);
      }
    }
    return ids;
  }

  async function members(plans: ReadonlyMap<string, string>, nameQuery?: string): Promise<ReadonlyMap<string, Member>> {
    const found = new Map<string, Member>();
    for (const [plan, usagePlanId] of plans) {
      for await (const { items = [] } of paginateGetUsagePlanKeys({ client, pageSize: 500 }, { usagePlanId, nameQuery })) {
        for (const { id: keyId, name } of items) if (keyId !== undefined && name !== undefined) found.set(name, { plan, planId: usagePlanId, keyId });
      }
    }
    return found;
  }

  async function keyOf(tenantId: string): Promise<string> {
    try {
      const { id } = await client.send(new CreateApiKeyCommand({ name: tenantId, value: tenantId, enabled: true, description: `Kakunin ${deployment}: a tenant`, tags: { 'kakunin:deployment': deployment } }));
      if (id !== undefined) return id;
    } catch (error) {
      if (!(error instanceof ConflictException)) throw error;
    }
    // It is there, in no plan of this deployment's: an earlier call went no further.
    for await (const { items = [] } of paginateGetApiKeys({ client, pageSize: 500 }, { nameQuery: tenantId })) {
      for (const { id, name } of items) if (name === tenantId && id !== undefined) return id;
    }
    throw new NotDone(`API Gateway has an API key of the value ${tenantId} under another name: delete that one, and try again.`);
  }

  return {
    list: () => ofApiGateway(async () => new Map([...(await members(await planIds()))].map(([tenantId, { plan }]) => [tenantId, plan]))),
    put: (tenantId, plan) => ofApiGateway(async () => {
      const plans = await planIds();
      const usagePlanId = plans.get(plan);
      if (usagePlanId === undefined) {
        throw new NotDone(plans.size === 0
          ? `API Gateway has no usage plan of a deployment "${deployment}": deploy it, or say with --deployment or DEPLOYMENT what it is called.`
          : `Deployment "${deployment}" has no usage plan "${plan}": it is one of ${[...plans.keys()].sort().join(', ')}.`);
      }
      const member = (await members(plans, tenantId)).get(tenantId);
      if (member?.plan === plan) return;
      if (member !== undefined) await client.send(new DeleteUsagePlanKeyCommand({ usagePlanId: member.planId, keyId: member.keyId })).catch(unless(NotFoundException));
      const keyId = member?.keyId ?? (await keyOf(tenantId));
      await client.send(new CreateUsagePlanKeyCommand({ usagePlanId, keyId, keyType: 'API_KEY' })).catch(unless(ConflictException));
    }),
  };
}

/** What a repetition by the SDK meets, whose first attempt was done and not answered. */
function unless(expected: typeof ConflictException | typeof NotFoundException) {
  return (error: unknown): undefined => {
    if (!(error instanceof expected)) throw error;
  };
}

async function ofApiGateway<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof NotDone) throw cause;
    throw new UsagePlansUnavailable('API Gateway did not do what was asked of its usage plans.', { cause });
  }
}
