import { applyBackup, type BackupMark } from '../../backup/backup.ts';
import { type ExitCode, PaletteKeysError } from '../../errors.ts';
import type { BackupFiles } from '../../ports/backup-files.ts';
import { applyPorts } from '../apply-ports.ts';
import type { BackupOptions, CliPorts } from '../ports.ts';
import { writeDocument } from '../render/document.ts';
import { renderKeys } from '../render/keys.ts';
import { palette } from '../render/palette.ts';
import { readSealFor } from '../secrets.ts';
import { readStandingSpec } from '../spec-file.ts';

export async function runBackup(options: BackupOptions, ports: CliPorts): Promise<ExitCode> {
  const { terminal } = ports;
  const { dryRun, output } = options;
  const out = withTime(options.out, ports.clock.now());
  const piped = out === '-';
  if (piped && terminal.shows) {
    throw new PaletteKeysError('USAGE', 'a backup is not written to a terminal', {
      hint: 'pipe it, or name a file with --out',
    });
  }
  const to = await readSealFor(options, ports);
  const spec = await readStandingSpec(options, ports);
  const store = await ports.openStore(options, () => spec?.ledgerNamespace);
  const { sealer, files } = await ports.loadBackupPorts();
  const backupPorts = { sealer, files: piped ? pipe(ports) : files };
  const places = { namespace: options.namespace, ledgerNamespace: spec?.ledgerNamespace };
  const request = { file: out, dryRun, to, ...places };
  const { entries, mark } = await applyBackup(request, {
    ...applyPorts('backup', store, options, ports),
    ...backupPorts,
  });
  if (piped) {
    // Standard output is the file itself.
    if (!options.quiet && mark !== undefined) terminal.stderr.write(keep(mark));
    return 0;
  }
  const file = dryRun ? null : out;
  const document = { kind: 'BackupResult', file, ...digestOf(mark), entries, verified: !dryRun };
  if (await writeDocument(document, output, terminal)) return 0;
  terminal.stdout.write(renderKeys(entries, palette(terminal.colour.stdout)));
  const what = dryRun ? 'Would be written to' : 'Written to, read back from and opened in';
  terminal.stdout.write(`\n${what} ${out}: ${entries.length} keys.\n`);
  if (mark !== undefined) terminal.stdout.write(`SHA256:${mark.sha256}\n`);
  if (!options.quiet && mark !== undefined) terminal.stderr.write(keep(mark));
  return 0;
}

/** Whoever has the recipient, which is public, can make a file that opens and is not this one. */
function keep({ sha256 }: BackupMark): string {
  return [
    'Keep the file, and what opens it, in two places apart from the store.',
    'Keep its digest apart from the file. Encryption does not prove who made a file; restore does, with',
    `--expect SHA256:${sha256}`,
    '',
  ].join('\n');
}

function digestOf(mark: BackupMark | undefined): { sha256?: string } {
  return mark === undefined ? {} : { sha256: `SHA256:${mark.sha256}` };
}

/** `{time}` in the name becomes the present time, `20260131T045900Z`: a CronJob has no shell to do it. */
function withTime(name: string, now: Date): string {
  return name.replaceAll('{time}', `${now.toISOString().slice(0, 19)}Z`.replace(/[-:]/g, ''));
}

/** Standard output as the place of a backup: it cannot be read back, but it is opened before it is written. */
function pipe({ terminal }: CliPorts): BackupFiles {
  return {
    read: () => {
      throw new Error('a pipe is not read back');
    },
    digest: () => Promise.resolve(undefined),
    place: () => Promise.resolve(),
    stage: async (_path, bytes, check) => {
      await check(bytes);
      if (terminal.stdout.write(bytes)) return;
      throw new PaletteKeysError('STORE_UNAVAILABLE', 'nobody reads standard output: it was closed (EPIPE)', {
        hint: 'look at what the backup is piped into, and run the command again',
      });
    },
  };
}
