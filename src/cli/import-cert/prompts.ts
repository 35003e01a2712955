import { password, select } from '@inquirer/prompts';
import { type Examination, examine, type ImportInput } from '../../front-door/examine.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from '../prompts/ask.ts';

const TRIES = 3;

type Stored = Parameters<typeof examine>[1];

/** Asks for what the files leave open: a passphrase, and which of several certificates or keys is meant. */
export async function answerQuestions(
  input: ImportInput,
  stored: Stored,
  first: Examination,
  ports: CliPorts,
): Promise<Examination> {
  let answered = input;
  let examination = first;
  for (let tries = 0; tries < TRIES && wantsPassphrase(examination); tries++) {
    const message = passphraseQuestion(examination);
    answered = { ...answered, passphrase: await asking(() => password({ message }, promptContext(ports))) };
    examination = await examine(answered, stored, ports.clock.now());
  }
  for (const which of ['leaf', 'key'] as const) {
    const code = which === 'leaf' ? 'SEVERAL_LEAVES' : 'SEVERAL_KEYS';
    if (!examination.decision.findings.some((finding) => finding.code === code)) continue;
    const chosen = await choose(which, examination, ports);
    answered = { ...answered, chosen: { ...answered.chosen, [which]: chosen } };
    examination = await examine(answered, stored, ports.clock.now());
  }
  return examination;
}

function passphraseQuestion({ locked, decision }: Examination): string {
  const wrong = decision.findings.filter(({ code }) => code === 'WRONG_PASSPHRASE').map(({ subject }) => subject);
  return `${wrong.length > 0 ? 'That is not it. ' : ''}Passphrase of ${[...locked, ...wrong].join(', ')}`;
}

function wantsPassphrase({ locked, decision }: Examination): boolean {
  return locked.length > 0 || decision.findings.some(({ code }) => code === 'WRONG_PASSPHRASE');
}

function choose(which: 'leaf' | 'key', { candidates }: Examination, ports: CliPorts): Promise<string> {
  const choices =
    which === 'key'
      ? candidates.keys.map(({ source }) => ({ name: source, value: source }))
      : candidates.leaves.map(({ source, x509 }) => ({
          name: `${source}: ${x509.subjectAltName ?? 'no names'}`.slice(0, 76),
          value: source,
        }));
  const message = which === 'key' ? 'Which key is meant?' : 'Which certificate is meant?';
  return asking(() => select({ message, choices }, promptContext(ports)));
}
