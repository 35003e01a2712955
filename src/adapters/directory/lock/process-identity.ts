import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which process, told so that it can be looked for later. undefined: the system does not tell. */
export interface Origin {
  readonly host: string;
  readonly bootId: string | undefined;
  readonly pidNamespace: string | undefined;
  readonly pid: number;
  /** When the process started, in the kernel's ticks since boot: a pid alone comes back. */
  readonly start: string | undefined;
}

export interface ProcessIdentity {
  readonly origin: Origin;
  /** The effective user; undefined on a system without users, where ownership cannot be checked. */
  readonly uid: number | undefined;
  /** Looks for a process of this machine and pid namespace. */
  lookUp(pid: number): Sighting;
}

export type Sighting = { readonly running: false } | { readonly running: true; readonly start: string | undefined };

/** 'unknown': another machine or container, where one cannot look. */
export type Fate = 'running' | 'gone' | 'unknown';

/** 'gone' is only said when it is certain: what it is said of gets taken over or deleted. */
export function fateOf(of: Origin, here: Origin, lookUp: (pid: number) => Sighting): Fate {
  if (of.host !== here.host) return 'unknown';
  if (of.bootId !== here.bootId) return of.bootId === undefined || here.bootId === undefined ? 'unknown' : 'gone';
  if (of.pidNamespace !== here.pidNamespace) return 'unknown';
  const found = lookUp(of.pid);
  if (!found.running) return 'gone';
  return of.start !== undefined && found.start !== undefined && of.start !== found.start ? 'gone' : 'running';
}

export function systemProcess(): ProcessIdentity {
  return {
    origin: {
      host: hostname(),
      bootId: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
      pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
      pid: process.pid,
      start: readStat(process.pid)?.start,
    },
    uid: process.geteuid?.(),
    lookUp,
  };
}

function lookUp(pid: number): Sighting {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return { running: false };
  }
  const stat = readStat(pid);
  // A zombie is dead; only its parent has not asked yet. Without /proc (macOS, hidepid) it may well be running.
  if (stat?.state === 'Z' || stat?.state === 'X') return { running: false };
  return { running: true, start: stat?.start };
}

/** proc(5): the command may hold spaces and parentheses, so the fields are counted from its last parenthesis on. */
function readStat(pid: number): { readonly state: string; readonly start: string } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields?.[0], fields?.[19]];
  return state === undefined || start === undefined ? undefined : { state, start };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
