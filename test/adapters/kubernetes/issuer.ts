/** An OpenID Connect issuer: just enough for an API server to trust it, and for a client to renew its login. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:https';
import type { Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { makeServerCertificate } from '../../support/cluster/certificate.ts';
import { portOf } from '../../support/cluster/wait.ts';

export interface Renewal {
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

export interface Issuer {
  readonly url: string;
  readonly caPem: string;
  /** Requests for new tokens, in their order. */
  readonly renewals: readonly Renewal[];
  /** The refresh token that is accepted next; each serves once. */
  readonly refreshToken: string;
  idToken(secondsLeft: number): string;
  stop(): Promise<void>;
}

export const CLIENT_ID = 'palette';
export const CLIENT_SECRET = 'client-secret/with+signs';

export async function startIssuer(): Promise<Issuer> {
  const { caPem, certPem, keyPem } = await makeServerCertificate();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const renewals: Renewal[] = [];
  let generation = 1;
  const refreshToken = () => `refresh-token-${generation}`;
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const renew = async (): Promise<void> => {
      const form = new URLSearchParams(await text(request));
      renewals.push({ authorization: request.headers.authorization, form });
      if (form.get('refresh_token') !== refreshToken()) {
        return answer(400, { error: 'invalid_grant', error_description: `${form.get('refresh_token')} was used` });
      }
      generation += 1;
      const tokens = { access_token: 'unused', id_token: idToken(3600), refresh_token: refreshToken() };
      answer(200, { ...tokens, token_type: 'Bearer', expires_in: 3600 });
    };
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return answer(200, {
          ...{ issuer: url, jwks_uri: `${url}/jwks`, token_endpoint: `${url}/token` },
          ...{ authorization_endpoint: `${url}/authorize`, response_types_supported: ['id_token'] },
          ...{ subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'] },
        });
      case '/jwks':
        return answer(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] });
      case '/token':
        return void renew();
      default:
        return answer(404, {});
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${portOf(server as unknown as Server)}`;
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const idToken = (secondsLeft: number): string => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: url, aud: CLIENT_ID, sub: 'dora', iat: now - 60, exp: now + secondsLeft };
    const head = `${encode({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${encode(claims)}`;
    return `${head}.${createSign('RSA-SHA256').update(head).sign(privateKey, 'base64url')}`;
  };
  return {
    ...{ url, caPem, renewals, idToken },
    get refreshToken() {
      return refreshToken();
    },
    stop: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}
