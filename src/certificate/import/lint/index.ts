import { nameConstraints } from './constraints.ts';
import { dates } from './dates.ts';
import { damagedExtensions, unknownCriticalExtensions, unreadableNames } from './extension-rules.ts';
import { issuers } from './issuers.ts';
import { keys } from './keys.ts';
import { requiredNames, usefulNames } from './names.ts';
import { negativeSerials, profileDeviations, profileViolations } from './profile.ts';
import type { Rule } from './rule.ts';
import { signatures } from './signatures.ts';
import { extendedKeyUsages, leafUsage } from './usage.ts';
import { expiresSoon, longValidity } from './validity.ts';

/** What depends on the leaf alone, however its chain goes. */
export const LEAF_RULES: readonly Rule[] = [requiredNames, leafUsage, usefulNames];

/** What depends on the chain: of several chains the one that breaks none of these is taken. */
export const CHAIN_RULES: readonly Rule[] = [
  dates,
  keys,
  signatures,
  issuers,
  extendedKeyUsages,
  nameConstraints,
  damagedExtensions,
  unreadableNames,
  unknownCriticalExtensions,
  negativeSerials,
  profileViolations,
  longValidity,
  expiresSoon,
  profileDeviations,
];
