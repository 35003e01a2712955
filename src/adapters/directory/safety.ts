import { type ErrorDetail, PaletteKeysError } from '../../errors.ts';
import type { FileStatus } from './files.ts';
import type { Place } from './layout.ts';

export interface Offence {
  readonly path: string;
  readonly kind: 'symlink' | 'owner' | 'mode';
  readonly message: string;
}

/** A symlink leads elsewhere, another owner can change what stands there, others could read it. Stricter is fine. */
export function offencesOf(place: Place, path: string, status: FileStatus): readonly Offence[] {
  if (status.kind === 'symlink') return [{ path, kind: 'symlink', message: 'is a symbolic link' }];
  const found: Offence[] = [];
  const { uid } = place.self;
  if (uid !== undefined && status.uid !== uid) {
    found.push({ path, kind: 'owner', message: `belongs to user ${status.uid}, not to user ${uid} who runs this` });
  }
  if ((status.mode & 0o077) !== 0) {
    const mode = status.mode.toString(8).padStart(4, '0');
    found.push({ path, kind: 'mode', message: `can be reached by others (mode ${mode})` });
  }
  return found;
}

/** All offenders at once: to be told of them one by one is no help. */
export function unsafe(place: Place, offences: readonly Offence[]): PaletteKeysError {
  const others = offences.length === 1 ? '' : `, and ${offences.length - 1} more like it`;
  const first = offences[0];
  return new PaletteKeysError('UNSAFE_DIRECTORY', `${first?.path}: ${first?.message}${others}`, {
    hint: [...new Set(offences.map((offence) => remedy(place, offence, place.root)))].join('; '),
    details: offences.map(
      (offence): ErrorDetail => ({
        message: `${offence.path} ${offence.message}`,
        remedy: remedy(place, offence, offence.path),
      }),
    ),
  });
}

export function assertSafe(place: Place, path: string, status: FileStatus): void {
  const offences = offencesOf(place, path, status);
  if (offences.length > 0) throw unsafe(place, offences);
}

/** For one offender, or (path being the root) for everything below it. */
function remedy(place: Place, offence: Offence, path: string): string {
  const recursive = path === place.root ? '-R ' : '';
  switch (offence.kind) {
    case 'mode':
      return `run: chmod ${recursive}go= ${quoted(path)} (if that changes nothing, the file system keeps no permissions: use another one)`;
    case 'owner':
      return `run: chown ${recursive}${place.self.uid} ${quoted(path)}, or run palette-keys as the owner`;
    case 'symlink':
      return offence.path === place.root
        ? 'give --dir the folder itself, not a link to it'
        : `remove the link ${quoted(offence.path)} and put what it points to in its place`;
  }
}

/** As a POSIX shell takes it, to be pasted. */
export function quoted(path: string): string {
  const operand = path.startsWith('-') ? `./${path}` : path;
  return /^[\w./+:@%,-]+$/.test(operand) ? operand : `'${operand.replaceAll("'", "'\\''")}'`;
}
