import { Command, CommanderError, Option } from 'commander';
import type { ExitCode } from '../errors.ts';
import { backupCommand } from './backup/command.ts';
import { csrCommand } from './csr/command.ts';
import { type CommandDefinition, collect } from './definition.ts';
import { importCertCommand } from './import-cert/command.ts';
import { initCommand } from './init/command.ts';
import type { CliPorts } from './ports.ts';
import { restoreCommand } from './restore/command.ts';
import { rotateCommand } from './rotate/command.ts';
import { statusCommand } from './status/command.ts';
import { tenantCommand } from './tenant/command.ts';

const COMMANDS: readonly CommandDefinition[] = [
  initCommand,
  statusCommand,
  rotateCommand,
  backupCommand,
  restoreCommand,
  csrCommand,
  importCertCommand,
  tenantCommand,
];

const EPILOGUE = `
Where keys live: in the cluster of your kubeconfig, as Secrets; or with
--dir PATH as the same manifests in a folder that only you can read, which
needs no cluster.

Exit codes: 0 done or nothing to do, 1 failed for an outside reason, 2 wrong
usage or spec, 3 status found an error, 4 a backup was rejected, 5 refused
because a key could get lost, 6 a rotation waits, 70 a bug, 130/143 interrupted.
A re-run completes what was interrupted.`;

/** Runs one command line and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], system: CliPorts): Promise<ExitCode> {
  const ports: CliPorts = {
    ...system,
    openStore: async (...how) => (await import('./open-store.ts')).openGuarded(commandIn(argv), system, ...how),
  };
  let exit: ExitCode = 0;
  const program = createProgram(argv, ports, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { reportError, asUsageError } = await import('./report-error.ts');
    return reportError(error instanceof CommanderError ? asUsageError(error) : error, argv, ports);
  }
}

function commandIn(argv: readonly string[]): string {
  return COMMANDS.find(({ name }) => argv.includes(name))?.name ?? '';
}

/** The whole command line, but for the options of commands that `argv` does not name. */
function createProgram(argv: readonly string[], ports: CliPorts, done: (exit: ExitCode) => void): Command {
  const program = new Command('palette-keys')
    .description('Makes, keeps and proves every key and certificate of a Palette installation.')
    .option('--dir <path>', 'keep the keys in this folder, not in a cluster')
    .option('--kubeconfig <file>', 'kubeconfig to use (else $KUBECONFIG, ~/.kube/config, in-cluster)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--cluster <name>', 'cluster of the kubeconfig')
    .option('--user <name>', 'user of the kubeconfig')
    .option('--as <user>', 'act as this user')
    .option('--as-group <group>', 'act as a member of this group; may be given again', collect)
    .option('--request-timeout <time>', 'how long one request may take (30s; 0: no limit)')
    .option('-n, --namespace <name>', "the platform's namespace")
    .option('--config <file>', 'installation spec (default: ./palette-keys.yaml, if there)')
    .addOption(
      new Option('-o, --output <format>', 'what to write to stdout')
        .choices(['table', 'json', 'yaml', 'prometheus'])
        .default('table'),
    )
    .option('--accept-clock <time>', 'the clock is right: use it although records are newer')
    .option('--dry-run', 'say what would be done, and write nothing', false)
    .option('-y, --yes', 'skip confirmations, except for irreversible deletion', false)
    .addOption(new Option('-q, --quiet', 'no progress and no notes on stderr').default(false).conflicts('verbose'))
    .option('-v, --verbose', 'name every object', false)
    .option('--no-color', 'no colours (also: NO_COLOR=1)')
    .version(ports.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EPILOGUE)
    .configureHelp({ showGlobalOptions: true, helpWidth: 80, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => ports.terminal.stdout.write(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError(true)
    .exitOverride();
  for (const { name, description, define } of COMMANDS) {
    const command = new Command(name).description(description).copyInheritedSettings(program);
    if (argv.includes(name)) define(command, ports, done);
    program.addCommand(command);
  }
  return program;
}
