import { errno } from './failures.ts';
import { type FileSystem, FOLDER } from './files.ts';

/** What file systems answer that know no fsync of a folder; there is no more that one could do on them. */
const KNOWS_NO_SYNC: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF']);

interface Line {
  readonly running: Promise<void>;
  next?: Promise<void>;
}

/** fsync of folders. Writers that come during one share the next: the running one may have passed their names. */
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
