/** Certificates of the front door for commands on a store in memory. */
import { ManualClock } from '../support/clock.ts';
import { makeLeaf, makeRoot, serverExtensions } from '../support/openssl-pki.ts';

export const FQDN = 'palette.example.org';

/** After the certificates, which openssl dates, were made. */
export const clock = new ManualClock(new Date(Date.now() + 600_000));

/** The texts that `importing` names, for two certificates. */
export function certificates(): Readonly<Record<string, string>> {
  const root = makeRoot();
  const keys = ['rsa2048-3', 'p384-3'] as const;
  const files = keys.flatMap((keyName, index): [string, string][] => {
    const { pem, key } = makeLeaf(root, { keyName, extensions: serverExtensions(`DNS:${FQDN},DNS:*.${FQDN}`) });
    return [
      [`cert-${index + 1}.pem`, pem],
      [`cert-${index + 1}.key`, key.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ];
  });
  return Object.fromEntries([['root.pem', root.pem], ...files]);
}

export function importing(n: 1 | 2): readonly string[] {
  return ['import-cert', '--yes', '--cert', `cert-${n}.pem`, '--key', `cert-${n}.key`, '--ca', 'root.pem'];
}
