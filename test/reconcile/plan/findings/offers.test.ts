import { describe, expect, test } from 'vitest';
import { defaultSpec } from '../../../../src/installation/defaults.ts';
import { parseSpec } from '../../../../src/installation/parse/parse.ts';
import { offersOf } from '../../../../src/reconcile/plan/findings/offers.ts';
import { smallSpec } from '../../../support/installations.ts';

const HEAD = 'apiVersion: palette-keys/v1\nkind: Installation\n';
const fields = (...args: Parameters<typeof offersOf>) => offersOf(...args).map(({ subject }) => subject);

describe('what a new installation would have', () => {
  const spec = smallSpec();

  test('is offered to one that lacks it, field by field, with what would be new', () => {
    const [services, bus] = offersOf(spec, undefined);
    expect(services).toMatchObject({
      code: 'SPEC_DEFAULT_CHANGED',
      severity: 'info',
      subject: 'serviceCertificates.services',
      message: expect.stringMatching(
        /keeps its 1 services; .* user, .* timeseries, ui-system\/ui, cp-system\/cp, jet-system\/jet$/,
      ),
    });
    expect(bus).toMatchObject({ subject: 'messageBus', message: expect.stringContaining('(service nats)') });
  });

  test('is not offered where the file decides', () => {
    expect(fields(spec, parseSpec(`${HEAD}messageBus: { service: nats }\n`, 'f'))).toEqual([
      'serviceCertificates.services',
    ]);
    expect(fields(spec, parseSpec(`${HEAD}serviceCertificates: { services: [] }\n`, 'f'))).toEqual(['messageBus']);
    expect(fields(spec, parseSpec(`${HEAD}serviceCertificates: { keySize: 2048 }\n`, 'f'))).toHaveLength(2);
  });

  test('is not offered to one that has it, whatever its namespace is called', () => {
    expect(fields(defaultSpec(), undefined)).toEqual([]);
    expect(fields(parseSpec(`${HEAD}namespace: platform\n`, 'f').against(undefined), undefined)).toEqual([]);
  });

  test('says nothing of fields whose default has not changed', () => {
    const chosen = {
      ...defaultSpec(),
      jwt: { ...defaultSpec().jwt, algorithm: 'RS256' as const },
      rootDomain: 'a.example.com',
    };
    expect(fields(chosen, undefined)).toEqual([]);
  });
});
