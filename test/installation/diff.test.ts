import { describe, expect, test } from 'vitest';
import { complete, defaultSpec } from '../../src/installation/defaults.ts';
import { diffSpecs, refusedChanges } from '../../src/installation/diff.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';

function specWith(changes: object): InstallationSpec {
  return complete(changes) as InstallationSpec;
}

function withServices(...services: object[]): InstallationSpec {
  return specWith({ serviceCertificates: { services } });
}

const auth = {
  name: 'auth',
  namespace: 'hubble-system',
  dnsNames: [],
  ipAddresses: [],
  secretName: 'palette-auth-tls',
};

describe('the difference of', () => {
  test('a spec and itself is none', () => {
    expect(diffSpecs(defaultSpec(), defaultSpec())).toStrictEqual([]);
  });

  test.each<[string, object, object[]]>([
    ['one field', { rootDomain: 'a.b' }, [{ path: 'rootDomain', before: null, after: 'a.b' }]],
    ['a nested field', { jwt: { algorithm: 'RS256' } }, [{ path: 'jwt.algorithm', before: 'ES256', after: 'RS256' }]],
    ['a list', { grpc: { dnsNames: ['a', 'b'] } }, [{ path: 'grpc.dnsNames', before: [], after: ['a', 'b'] }]],
    [
      'a mapping that was null',
      { hashSalt: { census: { collection: 'a', kidField: 'b' } } },
      [{ path: 'hashSalt.census', before: null, after: { collection: 'a', kidField: 'b' } }],
    ],
    [
      'two fields, in the order of the spec',
      { rotation: { syncPeriod: '1m' }, tenantKeys: { bits: 256 } },
      [
        { path: 'tenantKeys.bits', before: 64, after: 256 },
        { path: 'rotation.syncPeriod', before: '5m', after: '1m' },
      ],
    ],
    [
      'a consumer that is new',
      { consumers: [{ workload: 'Job/a/b', object: 'palette-root-key' }] },
      [
        {
          path: 'consumers.Job/a/b:palette-root-key',
          before: undefined,
          after: { workload: 'Job/a/b', object: 'palette-root-key', reads: 'single', reload: 'restart' },
        },
      ],
    ],
  ])('the default and %s is that', (_, changes, expected) => {
    expect(diffSpecs(defaultSpec(), specWith(changes))).toStrictEqual(expected);
  });

  test('two lists of one length is what they hold', () => {
    const found = diffSpecs(specWith({ grpc: { dnsNames: ['a'] } }), specWith({ grpc: { dnsNames: ['b'] } }));
    expect(found).toStrictEqual([{ path: 'grpc.dnsNames', before: ['a'], after: ['b'] }]);
  });

  test('services in another order is none', () => {
    const one = withServices({ name: 'a', dnsNames: ['x', 'y'] }, { name: 'b' });
    const other = withServices({ name: 'b' }, { name: 'a', dnsNames: ['y', 'x'] });
    expect(diffSpecs(one, other)).toStrictEqual([]);
  });

  test('a service that changed names the service, with its namespace if that is not the platform', () => {
    const one = withServices({ name: 'auth' }, { name: 'ui', namespace: 'ui-system' });
    const other = withServices(
      { name: 'ui', namespace: 'ui-system', secretName: 's' },
      { name: 'auth', dnsNames: ['x'] },
    );
    expect(diffSpecs(one, other)).toStrictEqual([
      { path: 'services.auth.dnsNames', before: [], after: ['x'] },
      { path: 'services.ui-system/ui.secretName', before: 'palette-ui-tls', after: 's' },
    ]);
  });

  test('services that came and went are they themselves, whatever they are called', () => {
    const found = diffSpecs(withServices({ name: 'auth' }), withServices({ name: 'constructor' }));
    expect(found).toStrictEqual([
      { path: 'services.auth', before: auth, after: undefined },
      {
        path: 'services.constructor',
        before: undefined,
        after: { ...auth, name: 'constructor', secretName: 'palette-constructor-tls' },
      },
    ]);
  });
});

describe('what can never change', () => {
  test.each([['namespace'], ['namePrefix'], ['ledgerNamespace']])('is %s', (field) => {
    expect(refusedChanges(defaultSpec(), specWith({ [field]: 'other' }))).toStrictEqual([field]);
  });

  test('is all of them at once', () => {
    const after = specWith({ ledgerNamespace: 'a', namePrefix: 'b', namespace: 'c' });
    expect(refusedChanges(defaultSpec(), after)).toStrictEqual(['namespace', 'namePrefix', 'ledgerNamespace']);
  });

  test('is nothing else', () => {
    const after = specWith({ rootDomain: 'a.b', jwt: { algorithm: 'HS256' }, ingress: { namespace: 'a' } });
    expect(refusedChanges(defaultSpec(), after)).toStrictEqual([]);
  });
});
