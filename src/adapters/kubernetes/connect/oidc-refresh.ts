import { PaletteKeysError } from '../../../errors.ts';
import { type JsonObject, listAt, textAt } from '../json.ts';
import { isToken, type LoginHost } from './grant.ts';
import { type HttpRequest, NoAnswer, request } from './http.ts';
import { chooseProxy } from './proxy.ts';
import { tlsOptions } from './tls.ts';

/** `auth-provider.config`, as kubectl knows it. */
export type OidcConfig = Readonly<Record<string, string | undefined>>;

/** Asks the issuer for a new ID token (OpenID Connect Core 1.0, section 12). */
export async function refreshTokens(config: OidcConfig, host: LoginHost, signal: AbortSignal): Promise<OidcConfig> {
  const { 'idp-issuer-url': issuer, 'client-id': clientId, 'refresh-token': refreshToken } = config;
  if (!issuer || !clientId || !refreshToken) throw failed('has expired, and there is nothing to renew it with');
  const discovery = await ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, config, host, signal);
  const endpoint = textAt(discovery, 'token_endpoint');
  if (textAt(discovery, 'issuer') !== issuer || endpoint === undefined) {
    throw failed(`cannot be renewed: ${issuer} does not describe itself (OpenID Connect Discovery)`);
  }
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  authenticate(form, headers, clientId, config['client-secret'], discovery);
  const answer = await ask(endpoint, config, host, signal, { method: 'POST', headers, body: form.toString() });
  const idToken = textAt(answer, 'id_token');
  if (idToken === undefined || !isToken(idToken)) throw failed(`cannot be renewed: ${issuer} gave no ID token`);
  return { ...config, 'id-token': idToken, 'refresh-token': textAt(answer, 'refresh_token') ?? refreshToken };
}

/** RFC 6749, section 2.3.1; a client without a secret only says its name. */
function authenticate(
  form: URLSearchParams,
  headers: Record<string, string>,
  clientId: string,
  secret: string | undefined,
  discovery: JsonObject,
): void {
  const methods = listAt(discovery, 'token_endpoint_auth_methods_supported');
  if (secret && (methods.length === 0 || methods.includes('client_secret_basic'))) {
    const login = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
    headers['authorization'] = `Basic ${Buffer.from(login).toString('base64')}`;
    return;
  }
  form.set('client_id', clientId);
  if (secret) form.set('client_secret', secret);
}

async function ask(
  address: string,
  config: OidcConfig,
  host: LoginHost,
  signal: AbortSignal,
  what: Omit<HttpRequest, 'path'> = { method: 'GET', headers: {} },
): Promise<JsonObject> {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:') throw failed('cannot be renewed: the issuer must have an https address');
  const proxyUrl = chooseProxy(url, undefined, host.env);
  const [caData, caFile] = [config['idp-certificate-authority-data'], config['idp-certificate-authority']];
  const issuer = { name: 'issuer', server: url.origin, skipTLSVerify: false };
  const file = caFile ? { caFile } : {};
  const ca = caData ? { caData } : file;
  const options = await tlsOptions({
    cluster: { ...issuer, ...ca, ...(proxyUrl === undefined ? {} : { proxyUrl }) },
    user: { name: '' },
    signal,
  });
  try {
    const limits = { timeoutMs: host.timeoutMs, signal };
    const answer = await request(url, options, { ...what, path: url.pathname }, limits);
    const json: unknown = parse(answer.body);
    if (answer.status === 200 && json !== undefined) return json as JsonObject;
    const reason = textAt(json, 'error');
    // RFC 6749, section 5.2: a fixed word. The description beside it may hold anything.
    const known = reason !== undefined && /^[a-z_]{1,40}$/.test(reason) ? `, ${reason}` : '';
    throw failed(`cannot be renewed: ${url.host} answered HTTP ${answer.status}${known}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw failed(`cannot be renewed: no answer from ${url.host} (${error.code})`);
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function failed(what: string): PaletteKeysError {
  return new PaletteKeysError('UNAUTHENTICATED', `the OIDC login of the kubeconfig ${what}`, {
    hint: 'log in again, then try: kubectl auth whoami',
  });
}
