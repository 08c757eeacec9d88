import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { SecureVersion } from 'node:tls';
import { certifiedAgent, revoke } from '../support/agents.ts';
import { crlPems, downloadCrls, downloadIssuers } from '../support/distribution.ts';
import { privateKeyOf } from '../support/kms-key-material.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { handshake, serverIdentity, startNodeServer, startOpensslServer, type ClientTrust, type Identity, type TlsServer } from '../support/tls.ts';
import { removeTemporaryDirectories, temporaryDirectory } from '../local/temporary-directory.ts';

// An agent that proves itself to a server by its certificate. Its key never leaves KMS, which is why a handshake needs the
// test to fetch it from the embedded KMS's files.

const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];
const server = serverIdentity();

let runtime: TestRuntime;
let activeAgent: Agent;
let revokedAgent: Agent;
let before: ClientTrust;
let after: ClientTrust;
const servers: TlsServer[] = [];

interface Agent extends Identity {
  readonly uri: string;
}

beforeAll(async () => {
  const dataDirectory = await temporaryDirectory();
  runtime = await startTestRuntime({ dataDirectory });
  const [one, other] = await Promise.all([certifiedAgent(runtime.call), certifiedAgent(runtime.call)]);
  const { issuing, root } = await downloadIssuers(one.certificate.certificate_pem);
  const identityOf = async ({ agent, certificate }: typeof one): Promise<Agent> => ({
    certificate: certificate.certificate_pem + issuing, key: await privateKeyOf(dataDirectory, certificate.kms_key_arn), uri: `urn:kakunin:agent:${agent.id}`,
  });
  const trust = async (): Promise<ClientTrust> => ({ root, crls: crlPems((await downloadCrls([issuing, one.certificate.certificate_pem, other.certificate.certificate_pem])).values()) });
  [activeAgent, revokedAgent] = await Promise.all([identityOf(one), identityOf(other)]);
  before = await trust();
  await revoke(runtime.call, other.certificate.id);
  await runtime.idle();
  after = await trust();
}, 60_000);
afterEach(async () => void (await Promise.all(servers.splice(0).map((running) => running.close()))));
afterAll(async () => {
  await runtime.stop();
  await removeTemporaryDirectories();
});

async function started(starting: Promise<TlsServer>): Promise<number> {
  const running = await starting;
  servers.push(running);
  return running.port;
}

describe.each(versions)('%s', (version) => {
  describe.each(['-crl_check', '-crl_check_all'] as const)('openssl s_server -Verify 1 -verify_return_error %s', (check) => {
    test('accepts active certificates and sees whose they are', async () => {
      const port = await started(startOpensslServer(server, before, check));
      for (const agent of [activeAgent, revokedAgent]) {
        expect(await handshake(port, server, agent, version)).toEqual({ accepted: true, protocol: version, answer: expect.stringMatching(new RegExp(`Client certificate\n[^]*URI:${agent.uri}\n`)) });
      }
    });

    test('with the CRLs downloaded anew refuses the revoked one, by an alert that says so', async () => {
      const port = await started(startOpensslServer(server, after, check));
      expect(await handshake(port, server, activeAgent, version)).toMatchObject({ accepted: true });
      expect(await handshake(port, server, revokedAgent, version)).toEqual({ accepted: false, reason: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED' });
    });
  });

  describe('a Node server', () => {
    test('accepts active certificates and sees whose they are', async () => {
      const port = await started(startNodeServer(server, before));
      for (const agent of [activeAgent, revokedAgent]) {
        expect(await handshake(port, server, agent, version)).toEqual({ accepted: true, protocol: version, answer: `authorized URI:${agent.uri}` });
      }
    });

    test('with the CRLs downloaded anew refuses the revoked one', async () => {
      const port = await started(startNodeServer(server, after));
      expect(await handshake(port, server, activeAgent, version)).toMatchObject({ accepted: true });
      expect(await handshake(port, server, revokedAgent, version)).toMatchObject({ accepted: false });
      // What it has against it, a server says that lets everybody in.
      const lenient = await started(startNodeServer(server, after, false));
      expect(await handshake(lenient, server, revokedAgent, version)).toMatchObject({ answer: 'not authorized: CERT_REVOKED' });
    });
  });
});
