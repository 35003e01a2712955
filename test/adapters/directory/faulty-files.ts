/** A file system on which any call can be made to fail, or looked at, by its number or by what it is. */
import { type FileSystem, nodeFiles, type OpenFile } from '../../../src/adapters/directory/files.ts';

export interface Call {
  /** From 1. */
  readonly n: number;
  readonly name: keyof FileSystem | Exclude<keyof OpenFile, 'stat'> | 'fstat';
  readonly path: string;
}

export interface Fault {
  readonly when: (call: Call) => boolean;
  readonly code: string;
  /** The call is carried out, and then it fails: a lost answer. */
  readonly after?: boolean;
}

export class FaultyFiles implements FileSystem {
  readonly calls: Call[] = [];
  readonly faults: Fault[] = [];
  onCall: (call: Call) => void = () => undefined;

  /** From the n-th call on nothing is carried out any more: as if the process had been killed there. */
  killAt(n: number): this {
    return this.fail('EKILLED', (call) => call.n >= n);
  }

  /** From now on. */
  fail(code: string, when: Fault['when'], after = false): this {
    this.faults.push({ code, when, after });
    return this;
  }

  async open(path: string, flags: number, mode?: number): Promise<OpenFile> {
    let opened: OpenFile | undefined;
    const file = await this.#call('open', path, async () => {
      opened = await nodeFiles.open(path, flags, mode);
      return opened;
    }).catch(async (error: unknown) => {
      await opened?.close();
      throw error;
    });
    return {
      stat: () => this.#call('fstat', path, () => file.stat()),
      read: (most) => this.#call('read', path, () => file.read(most)),
      write: (bytes) => this.#call('write', path, () => file.write(bytes)),
      chmod: (bits) => this.#call('chmod', path, () => file.chmod(bits)),
      // Left out, as it is slow; that it is asked for at the right time is what can be tested.
      sync: () => this.#call('sync', path, async () => undefined),
      // A file is closed whatever close(2) says, and when its process is killed.
      close: () => this.#call('close', path, () => file.close(), true),
    };
  }

  link(existing: string, path: string): Promise<void> {
    return this.#call('link', path, () => nodeFiles.link(existing, path));
  }

  unlink(path: string): Promise<void> {
    return this.#call('unlink', path, () => nodeFiles.unlink(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', to, () => nodeFiles.rename(from, to));
  }

  mkdir(path: string, mode: number): Promise<void> {
    return this.#call('mkdir', path, () => nodeFiles.mkdir(path, mode));
  }

  rmdir(path: string): Promise<void> {
    return this.#call('rmdir', path, () => nodeFiles.rmdir(path));
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.#call('chmod', path, () => nodeFiles.chmod(path, mode));
  }

  lstat(path: string): ReturnType<FileSystem['lstat']> {
    return this.#call('lstat', path, () => nodeFiles.lstat(path));
  }

  readdir(path: string): Promise<readonly string[]> {
    return this.#call('readdir', path, () => nodeFiles.readdir(path));
  }

  async #call<T>(name: Call['name'], path: string, act: () => Promise<T>, alwaysActs = false): Promise<T> {
    const call: Call = { n: this.calls.length + 1, name, path };
    this.calls.push(call);
    this.onCall(call);
    const fault = this.faults.find(({ when }) => when(call));
    if (fault === undefined) return act();
    if (alwaysActs || fault.after === true) await act();
    throw systemError(fault.code, name, path);
  }
}

export function systemError(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: injected, ${syscall} '${path}'`), { code, syscall, path });
}
