import { PaletteKeysError } from '../../../errors.ts';
import { describeTarget } from './call.ts';
import { explainNoAnswer } from './explain-no-answer.ts';
import { explainRefusal } from './explain-refusal.ts';
import { type Circumstances, type Explanation, IN_BETWEEN } from './explanation.ts';
import { ApiFailure } from './failure.ts';

/** Turns what the API server, or the way to it, said into words; everything else goes through untouched. */
export async function explained<T>(circumstances: Circumstances, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ApiFailure ? explain(error, circumstances) : error;
  }
}

function explain(failure: ApiFailure, circumstances: Circumstances): PaletteKeysError {
  const { code, what, hint } = explanation(failure, circumstances);
  return new PaletteKeysError(code, `${circumstances.where}: ${describeTarget(failure.target)}: ${what}`, { hint });
}

function explanation({ problem, target }: ApiFailure, circumstances: Circumstances): Explanation {
  switch (problem.type) {
    case 'no-answer':
      return explainNoAnswer(problem.code, circumstances);
    case 'garbled':
      return {
        code: 'STORE_UNAVAILABLE',
        what: `the answer is not one of an API server: ${problem.what}`,
        hint: IN_BETWEEN,
      };
    case 'refused':
      return explainRefusal(problem, target, circumstances);
  }
}
