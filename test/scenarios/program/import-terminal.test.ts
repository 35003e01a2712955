// Covers: src/cli/import-cert/prompts.ts

/** `import-cert` as a person at a terminal meets it. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { PASSPHRASE } from '../../certificate/import/inputs.ts';
import { copyOf, fingerprintOf, newFolder, newPath } from '../../support/program.ts';
import { Pki, pairFor, storedPair, WITH_DOMAIN } from './import-bed.ts';
import { CTRL_C, type Dialogue, DOWN, ENTER, session } from './session.ts';
import { install } from './store.ts';
import { haveTools } from './tools.ts';
import { startWarm } from './warm.ts';

const CONFIRM = 'replace the certificate in';
const ASKED = 'Passphrase of';
const AGAIN = 'That is not it.';

describe.skipIf(!haveTools('expect', 'openssl')).concurrent('import-cert at a terminal', { timeout: 60_000 }, () => {
  const warm = startWarm();
  const pki = new Pki();
  const { intermediate, leaf } = pki;
  const next = pki.server({ days: 200 });
  const encrypted = newPath('encrypted.key');
  execFileSync('openssl', ['pkcs8', '-topk8', '-in', pki.key, '-passout', `pass:${PASSPHRASE}`, '-out', encrypted]);
  const locked = ['--cert', pki.file(next.pem + intermediate.pem), '--key', encrypted, '--ca', pki.ca];
  let store = '';

  beforeAll(async () => {
    store = await install(WITH_DOMAIN);
    expect((await warm.run(['import-cert', '--dir', store, ...pki.flags()])).code).toBe(0);
  });

  const at = (folder: string, flags: readonly string[], dialogue: Dialogue) =>
    session(['import-cert', '--dir', folder, ...flags], dialogue, { cwd: newFolder(), env: { NO_COLOR: '1' } });

  it('asks for the passphrase, shows what would be written, asks, and writes', async () => {
    const folder = copyOf(store);
    const { code, screen } = await at(folder, locked, [
      [ASKED, `wrong${ENTER}`],
      [AGAIN, `${PASSPHRASE}${ENTER}`],
      [CONFIRM, `y${ENTER}`],
    ]);
    expect(code, screen).toBe(0);
    expect(screen).not.toContain(PASSPHRASE);
    const review = screen.slice(0, screen.indexOf(CONFIRM));
    for (const part of [
      /Subject +palette\.example\.org/,
      /Names +palette\.example\.org, \*\.palette\.example\.org/,
      /Valid +20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d/,
      /Chain\s+palette\.example\.org +until .*\s+└ Issuing CA +until .*\s+└ Root CA +until/,
      /Repaired\s+DECRYPTED_KEY/,
      /palette-key-fqdn-certificate-v2/,
      /Secret\/ingress-nginx\/default-ssl-certificate/,
    ])
      expect(review).toMatch(part);
    expect(storedPair(folder)).toEqual(pairFor(next, intermediate));
  });

  it.each([
    ['no', `n${ENTER}`, 1],
    ['Enter, which is no', ENTER, 1],
    ['Ctrl-C', CTRL_C, 130],
  ])('%s at the review leaves everything as it was', async (_, typed, exit) => {
    const folder = copyOf(store);
    const before = fingerprintOf(folder, { times: true });
    const { code, screen } = await at(folder, pki.flags(next), [[CONFIRM, typed]]);
    expect(code, screen).toBe(exit);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it('three wrong passphrases are enough; Ctrl-C at the question writes nothing', async () => {
    const folder = copyOf(store);
    const before = fingerprintOf(folder, { times: true });
    const wrong = [ASKED, `wrong${ENTER}`] as const;
    const refused = await at(folder, locked, [wrong, [AGAIN, `wrong${ENTER}`], [AGAIN, `wrong${ENTER}`]]);
    expect([refused.code, refused.screen]).toEqual([4, expect.stringContaining('WRONG_PASSPHRASE')]);
    expect((await at(folder, locked, [[ASKED, CTRL_C]])).code).toBe(130);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it('asks which of several certificates is meant', async () => {
    const folder = copyOf(store);
    const both = ['--cert', pki.file(leaf.pem + next.pem + intermediate.pem), '--key', pki.key, '--ca', pki.ca];
    const { code, screen } = await at(folder, both, [
      ['Which certificate is meant?', `${DOWN}${ENTER}`],
      [CONFIRM, `y${ENTER}`],
    ]);
    expect(code, screen).toBe(0);
    expect(storedPair(folder)).toEqual(pairFor(next, intermediate));
  });

  it('asks nothing with --yes, and where there is nothing to do', async () => {
    const folder = copyOf(store);
    const same = await at(folder, pki.flags(), []);
    expect([same.code, same.screen]).toEqual([0, expect.stringContaining('Nothing to do')]);
    const { code, screen } = await at(folder, [...pki.flags(next), '--yes'], []);
    expect(code, screen).toBe(0);
    expect(screen).not.toContain('?');
  });
});
