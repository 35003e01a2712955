import { numberAt } from '../json.ts';
import { bearer, type LoginHost, type LoginSource } from './grant.ts';
import { type OidcConfig, refreshTokens } from './oidc-refresh.ts';
import type { UserOrigin } from './save-tokens.ts';

/** So long before its end a token is renewed: the clocks of both sides, and the way there. */
const LEEWAY_MS = 10_000;

/**
 * An ID token, renewed with the refresh token and saved as kubectl does: many issuers take a refresh token only once.
 * (client-node sends no client secret, renews with every request, and keeps nothing.)
 */
export function oidcSource(config: OidcConfig, origin: UserOrigin, host: LoginHost): LoginSource {
  let current = config;
  let running: Promise<OidcConfig> | undefined;
  const renew = async (signal: AbortSignal): Promise<OidcConfig> => {
    try {
      const renewed = await refreshTokens(current, host, signal);
      const { saveTokens } = await import('./save-tokens.ts');
      if (!(await saveTokens(origin, renewed))) {
        host.warn(`${origin.file}: the renewed login could not be written; kubectl may have to log in again`);
      }
      return renewed;
    } finally {
      running = undefined;
    }
  };
  return {
    current: async (signal) => {
      if (!isRecent(current['id-token'])) {
        running ??= renew(signal);
        current = await running;
      }
      return bearer(current['id-token'] ?? '');
    },
    forget: ({ authorization }) => {
      if (authorization === bearer(current['id-token'] ?? '').authorization) current = { ...current, 'id-token': '' };
      return Boolean(current['refresh-token']);
    },
  };
}

/** By its own claim (RFC 7519, section 4.1.4); whether it is genuine is for the API server to say. */
function isRecent(token: string | undefined): boolean {
  const claims = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString('utf8');
  try {
    return Date.now() + LEEWAY_MS < (numberAt(JSON.parse(claims), 'exp') ?? 0) * 1000;
  } catch {
    return false;
  }
}
