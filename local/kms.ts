import { jsonResponder, type Operation } from './aws-json/protocol.ts';
import { startHttpService } from './http-service.ts';
import { KmsError } from './kms/errors.ts';
import { openKeyStore, type KeyStore } from './kms/key-store.ts';
import type { KeyMaterialSource } from './kms/key.ts';
import { operations } from './kms/operations.ts';
import { createQuotas, type Quotas } from './kms/quotas.ts';

export interface EmbeddedKms {
  /** What `AWS_ENDPOINT_URL_KMS` is to be, e.g. `http://127.0.0.1:4599`. */
  readonly endpoint: string;
  /** Throttles by these quotas from here on. */
  setQuotas(quotas: Quotas): void;
  /** Drops open connections and resolves once no request is being worked on. */
  close(): Promise<void>;
}

export interface EmbeddedKmsOptions {
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Of the keys' ARNs; `eu-west-1` by default. */
  region?: string;
  /** Of the keys' ARNs, 12 digits; `000000000000` by default. */
  accountId?: string;
  /** Where keys are kept, readable by this user only; without it they live in memory. One KMS at a time. */
  dataDirectory?: string;
  /** The time of creation and deletion dates; the machine's by default. */
  clock?: () => Date;
  /** For tests that need more keys than there is time to generate: where the material of new signing keys comes from. Nobody's keys are safe then. */
  keyMaterial?: KeyMaterialSource;
  /** Which requests are throttled; none are by default. */
  quotas?: Quotas;
}

// Ample for the largest request there is: a CreateKey with a policy of 32 KiB, a description and 50 tags.
const maximumBodyBytes = 256 * 1024;

/**
 * Starts a KMS on 127.0.0.1 that speaks AWS's JSON 1.1 protocol. Its private keys never leave it, it has AWS's key states and errors, and
 * with a data directory an answered request survives a crash. It checks that requests are signed, not by whom. Throws an Error that says
 * what to do if the port is taken or the data directory cannot be trusted.
 */
export async function startKms(options: EmbeddedKmsOptions = {}): Promise<EmbeddedKms> {
  const { port, region = 'eu-west-1', accountId = '000000000000', dataDirectory, clock = () => new Date(), keyMaterial, quotas = false } = options;
  const keys = await openKeyStore({ owner: { region, accountId }, clock, source: keyMaterial }, dataDirectory);
  let count = createQuotas(quotas);
  const respond = jsonResponder({
    name: 'KMS',
    version: '1.1',
    targetPrefix: 'TrentService',
    maximumBodyBytes,
    operations: operationsOn(keys),
    admit: (operation) => count(operation),
    internalErrorType: 'KMSInternalException',
    unsupported: (message) => new KmsError('UnsupportedOperationException', message),
  });
  const service = await startHttpService(respond, { port });
  return {
    ...service,
    setQuotas(changed) {
      count = createQuotas(changed);
    },
  };
}

function operationsOn(keys: KeyStore): Map<string, Operation> {
  const bound = [...operations].map(([name, operation]): [string, Operation] => [
    name,
    async (input) => {
      await keys.destroyDeleted();
      return operation(keys, input);
    },
  ]);
  return new Map(bound);
}
