import { PaletteKeysError } from '../../errors.ts';
import { readIngressCertificate, rollbackChange } from '../../front-door/ingress-certificate.ts';
import { watchServed } from '../../front-door/watch-served.ts';
import { parseDuration } from '../../installation/duration.ts';
import { toChange } from '../../reconcile/plan/intent.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { planReconcile, reconcile } from '../../reconcile/reconcile.ts';
import type { ReconcileRequest } from '../../reconcile/request.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';

const DEFAULT_TIMEOUT = '2m';

/** Waits until the certificate is served; otherwise says what is, brings the old one back if asked, and throws NOT_SERVED. */
export async function proveServed(
  target: { readonly host: string; readonly port: number; readonly servername: string },
  fingerprint: string,
  { run, apply, object }: { readonly run: ReconcileRequest; readonly apply: ApplyPorts; readonly object: string },
  options: ImportOptions,
  ports: CliPorts,
): Promise<void> {
  const { clock, signal, pause, terminal } = ports;
  const place = `${target.host}:${target.port}`;
  if (!options.quiet) terminal.stderr.write(`Waiting for ${place} to serve the new certificate …\n`);
  const timeoutMs = parseDuration(options.probeTimeout ?? DEFAULT_TIMEOUT) * 1000;
  const served = await watchServed(
    target,
    fingerprint,
    { probe: await ports.loadTlsProbe(), clock, signal, pause },
    timeoutMs,
  );
  if (served.done) return;
  const seen =
    served.last === undefined ? `it could not be asked (${served.unreachable})` : `it still serves ${served.last}`;
  const back = options.rollbackOnFailure ? await rollBack(run, apply) : undefined;
  throw new PaletteKeysError('NOT_SERVED', `${place} does not serve the new certificate: ${seen}${back ?? ''}`, {
    hint: `check that the ingress reads ${object} (namespace, name, --default-ssl-certificate), and that --probe points at it`,
  });
}

async function rollBack(run: ReconcileRequest, apply: ApplyPorts): Promise<string> {
  const ingress = await readIngressCertificate(apply, run.spec);
  const change = rollbackChange(ingress);
  if (change === undefined) return '; there is no certificate before it that could come back';
  const request = { ...run, intent: toChange(change) };
  await reconcile(await planReconcile(request, apply), request, apply);
  return '; the certificate before it was put back';
}
