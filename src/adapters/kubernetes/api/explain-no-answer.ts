import type { Circumstances, Explanation } from './explanation.ts';

const CHECK_ADDRESS =
  'check that the API server runs and can be reached from here, or name another cluster with --context NAME or --kubeconfig FILE; --dir PATH needs none';
const CHECK_CA =
  'check certificate-authority-data in the kubeconfig: it must be the CA of this very API server; get a new kubeconfig if the CA was replaced';

interface Known {
  readonly pattern: RegExp;
  readonly what: string;
  readonly hint: string;
}

/** By Node's error code. */
const KNOWN: readonly Known[] = [
  {
    pattern: /^PROXY_407$/,
    what: 'the proxy wants a user and a password',
    hint: 'put them into HTTPS_PROXY or proxy-url of the kubeconfig, or exempt the server with NO_PROXY',
  },
  {
    pattern: /^PROXY_/,
    what: 'the proxy does not let us through',
    hint: 'check HTTPS_PROXY and proxy-url of the kubeconfig, or exempt the server with NO_PROXY',
  },
  { pattern: /^ECONNREFUSED$/, what: 'the connection was refused', hint: CHECK_ADDRESS },
  {
    pattern: /^(ENOTFOUND|EAI_AGAIN|EAI_NODATA)$/,
    what: 'the name of the server cannot be resolved',
    hint: CHECK_ADDRESS,
  },
  {
    pattern: /^(EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL)$/,
    what: 'there is no way to it',
    hint: CHECK_ADDRESS,
  },
  {
    pattern: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    what: "the server's certificate is not valid at this time",
    hint: 'check the clock of this machine, and the certificate of the API server',
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    what: "the server's certificate is for another name",
    hint: 'use the name that it has, or set tls-server-name in the kubeconfig',
  },
  {
    pattern: /^UNABLE_TO_|CERT|_CA$/,
    what: "the server's certificate is not vouched for by the CA of the kubeconfig",
    hint: CHECK_CA,
  },
  {
    pattern: /^(ERR_SSL_.*|EPROTO)$/,
    what: 'no TLS connection comes about',
    hint: 'check that the address is that of an API server, and that http and https are not mixed up',
  },
  { pattern: /^HPE_/, what: 'the answer is not HTTP', hint: CHECK_ADDRESS },
  {
    pattern: /^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE)$/,
    what: 'the connection broke',
    hint: CHECK_ADDRESS,
  },
];

export function explainNoAnswer(code: string, { timeoutMs }: Circumstances): Explanation {
  if (code === 'TIMED_OUT' || code === 'ETIMEDOUT') {
    const after = code === 'TIMED_OUT' && timeoutMs > 0 ? ` within ${timeoutMs / 1000} s` : '';
    return {
      code: 'TIMED_OUT',
      what: `no answer${after}`,
      hint: `${CHECK_ADDRESS}; --request-timeout says how long to wait`,
    };
  }
  const known = KNOWN.find(({ pattern }) => pattern.test(code));
  const { what, hint } = known ?? { what: 'the connection failed', hint: CHECK_ADDRESS };
  return { code: 'STORE_UNAVAILABLE', what: `${what} (${code})`, hint };
}
