/** Runs before each test file: fast-check takes its seed from the one place that has it. */
import fc from 'fast-check';
import { printSeed, SEED } from './seed.ts';

fc.configureGlobal({ seed: SEED });
printSeed();
