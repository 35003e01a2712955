import { unconfirmedReplacement } from '../emergency.ts';
import { gatherEvidence, remarksOn } from '../evidence/evidence.ts';
import { afterCurrent } from '../gates/consumers.ts';
import type { RotationPolicy } from '../policy.ts';
import { proposeEvidence } from './note-found.ts';
import type { RotatePorts, RotationContext, WaitingFor } from './request.ts';
import { restartStale } from './restart.ts';
import type { Log } from './rotation-log.ts';

/**
 * What is left of an emergency once its last transition is made: whoever has loaded the compromised key works with it until
 * it is started anew. 'look again' after a restart; undefined where there is nothing to wait for.
 */
export async function endEmergency(
  { staysLoaded }: Pick<RotationPolicy, 'staysLoaded'>,
  context: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<WaitingFor | 'look again' | undefined> {
  const { input, observation } = context;
  const { clock, workloads } = ports;
  const entry = unconfirmedReplacement(observation.key, clock.now());
  if (entry === undefined) return undefined;
  // A Pod that says it has loaded the new key may have loaded the old one with it.
  const request = { type: 'consumers', entry, acknowledged: false, reloads: !staysLoaded } as const;
  const gathered = await gatherEvidence([request], observation, input, ports);
  const { consumers } = gathered.evidence;
  if (consumers?.status === 'unknown' && workloads === undefined) {
    log.say(`restart what uses it: until then it works with the compromised key (${consumers.reason})`);
    log.offersWord = true;
    return undefined;
  }
  for (const remark of remarksOn(gathered)) log.say(remark);
  await proposeEvidence({}, gathered, context, log, ports);
  const decision = afterCurrent(consumers, clock.now());
  if (decision.open) return undefined;
  if (input.restart && !input.dryRun && (await restartStale(gathered.behind, input, log, ports))) return 'look again';
  const { reason, blockers, stuck, onWord } = decision;
  if (consumers?.status !== 'behind') {
    return { reason, blockers, ...(stuck === undefined ? {} : { stuck }), ...(onWord === undefined ? {} : { onWord }) };
  }
  const helps = !input.restart && gathered.behind.pods.some(({ restarts }) => restarts);
  return {
    reason: 'another key is in use, and these may still work with the compromised one',
    blockers: [...blockers, ...(helps ? ['--restart starts them anew'] : [])],
  };
}
