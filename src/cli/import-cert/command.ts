import type { Command } from 'commander';
import type { CommandDefinition } from '../definition.ts';
import type { ImportOptions } from '../ports.ts';

const HELP = `
Takes PEM, DER, PKCS#7 and PKCS#12 in any order and mixture, repairs what is
mechanical, refuses what cannot work and says why, proves the rest by a TLS
handshake, and only then writes the ingress controller's Secret. The certificate
before is kept: palette-keys rotate fqdn-certificate --rollback brings it back.

Examples:
  $ palette-keys import-cert --cert fqdn.crt --key fqdn.key --verify-only \\
      --fqdn palette.example.org
  $ palette-keys import-cert --pfx palette.p12 --passphrase-file pass.txt \\
      --ca company-root.crt --probe palette.example.org:443`;

export const importCertCommand: CommandDefinition = {
  name: 'import-cert',
  description: 'check, repair, prove and store the certificate of the FQDN',
  define(command, ports, done) {
    command
      .option('--cert <file...>', 'certificate, with or without its chain and key (- for standard input)')
      .option('--key <file...>', 'private key; not needed for the answer to palette-keys csr')
      .option('--pfx <file...>', 'PKCS#12 file')
      .option('--chain <file...>', 'intermediate certificates')
      .option('--ca <file...>', 'certificates to trust, for a private CA')
      .option('--trust-root <fingerprint...>', 'trust the certificate of the input with this SHA256:…')
      .option('--system-roots', 'trust what this machine trusts, too', false)
      .option('--passphrase-file <file>', 'opens an encrypted key or PKCS#12 file')
      .option('--fqdn <name...>', "names that must be covered (default: the spec's rootDomain)")
      .option('--previous-fqdn <name...>', 'names that should be covered besides')
      .option('--verify-only', 'check alone; needs no store', false)
      .option('--allow <code...>', 'accept what this finding says')
      .option('--probe <host:port>', 'wait until the new certificate is served there')
      .option('--probe-timeout <time>', 'how long (default: 2m)')
      .option('--rollback-on-failure', 'bring the old one back if it is not', false)
      .addHelpText('after', HELP)
      .action(async (_options, self: Command) => {
        const { runImport } = await import('./run.ts');
        done(await runImport(self.optsWithGlobals<ImportOptions>(), ports));
      });
  },
};
