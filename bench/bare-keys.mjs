// What `init` cannot do without: the same keys, generated in parallel, and nothing else.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);
const leaves = Array.from({ length: 13 }, () => generate('rsa', { modulusLength: 2048 }));
const authorities = Array.from({ length: 2 }, () => generate('rsa', { modulusLength: 3072 }));
const bus = Array.from({ length: 3 }, () => generate('ed25519'));
await Promise.all([...authorities, ...leaves, ...bus, generate('ec', { namedCurve: 'P-256' })]);
for (const length of [32, 32, 32, 756]) randomBytes(length);
