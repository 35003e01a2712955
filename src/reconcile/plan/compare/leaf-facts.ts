import type { Certificate } from '../../../certificate/read.ts';
import type { LeafProfile } from '../../../inventory/kind.ts';

export interface LeafFacts {
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When its renewal is due. */
  readonly rotateAfter: Date;
}

export function leafFacts(
  certificate: Pick<Certificate, 'fingerprint' | 'notBefore' | 'notAfter'>,
  profile: LeafProfile,
): LeafFacts {
  const { fingerprint, notBefore, notAfter } = certificate;
  const life = notAfter.getTime() - notBefore.getTime();
  return { fingerprint, notBefore, notAfter, rotateAfter: new Date(notBefore.getTime() + life * profile.renewAt) };
}
