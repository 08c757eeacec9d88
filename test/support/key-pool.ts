import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { modulusBits, type KeyMaterialSource, type RsaKeySpec } from '../../local/kms/key.ts';

/**
 * Key material for a KMS (`startRuntime({ kms: { keyMaterial } })`): of each key spec so many keys are generated, and then used again and
 * again. A thousand agents then cost what `size` cost, and have keys in common.
 */
export function keyPool(size = 4): KeyMaterialSource {
  const pools = new Map<RsaKeySpec, Promise<Buffer>[]>();
  const asked = new Map<RsaKeySpec, number>();
  return (keySpec) => {
    const pool = pools.get(keySpec) ?? [];
    pools.set(keySpec, pool);
    const number = asked.get(keySpec) ?? 0;
    asked.set(keySpec, number + 1);
    return (pool[number % size] ??= generate(keySpec));
  };
}

async function generate(keySpec: RsaKeySpec): Promise<Buffer> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: modulusBits[keySpec] });
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}
