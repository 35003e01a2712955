import { errno } from './failures.ts';
import { type FileSystem, FOLDER } from './files.ts';

/** What file systems answer that know no fsync of a folder; there is no more that one could do on them. */
const KNOWS_NO_SYNC: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF']);

interface Line {
  readonly running: Promise<void>;
  next?: Promise<void>;
}

/**
 * fsync of folders, which makes new names survive a power cut. Forty writes into one folder need not wait for forty
 * of them: whoever comes while one runs waits for the next, which begins after all names are in place that it is to
 * cover. Joining the running one would be wrong: it may have passed the new name already.
 */
export class FolderSync {
  readonly #files: FileSystem;
  readonly #lines = new Map<string, Line>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** Returns after an fsync that began after this call. */
  sync(folder: string): Promise<void> {
    const line = this.#lines.get(folder);
    if (line === undefined) return this.#begin(folder);
    line.next ??= line.running.catch(() => undefined).then(() => this.#begin(folder));
    return line.next;
  }

  #begin(folder: string): Promise<void> {
    const line: Line = {
      running: this.#fsync(folder).finally(() => {
        if (line.next === undefined) this.#lines.delete(folder);
      }),
    };
    this.#lines.set(folder, line);
    return line.running;
  }

  async #fsync(folder: string): Promise<void> {
    const handle = await this.#files.open(folder, FOLDER);
    try {
      await handle.sync();
    } catch (error) {
      if (!KNOWS_NO_SYNC.has(errno(error))) throw error;
    } finally {
      await handle.close();
    }
  }
}
