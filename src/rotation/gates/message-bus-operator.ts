import { type Gate, OPEN } from '../gate.ts';

/** The identity of the message bus: there is no overlap, and nothing to wait for. It changes only when it is compromised. */
export const messageBusOperator: Gate = {
  conditions: {
    promote: 'it is compromised: every server and every cluster has to be configured anew',
    retire: 'at once: servers believe one operator',
  },
  soak: () => 0,
  needs: () => [],
  decide: () => OPEN,
};
