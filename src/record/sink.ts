/** Where a recording's bytes go: append-only, flushed to disk without holding up the writer. */
import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Sink {
  readonly position: number;
  write(bytes: Uint8Array): void;
}

/** Collects in memory: for tests and for small files. */
export class MemorySink implements Sink {
  readonly #parts: Uint8Array[] = [];
  position = 0;

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
    this.position += bytes.byteLength;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/**
 * A new file, opened exclusively: an existing one is never overwritten (EEXIST). Writes are synchronous, so that the
 * order on disk is the order of the calls; `sync` hands fdatasync to the thread pool and at most one runs at a time.
 */
export class FileSink implements Sink {
  readonly path: string;
  readonly #fd: number;
  #syncing = false;
  #synced = 0;
  #closed = false;
  position = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'wx');
  }

  write(bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.byteLength) done += writeSync(this.#fd, bytes, done);
    this.position += bytes.byteLength;
  }

  /** Starts a flush when there is something to flush and none is running. Errors go to `failed`. */
  sync(failed: (error: Error) => void): void {
    if (this.#syncing || this.#closed || this.#synced === this.position) return;
    const upTo = this.position;
    this.#syncing = true;
    fdatasync(this.#fd, (error) => {
      this.#syncing = false;
      if (error && !this.#closed) failed(error);
      else this.#synced = upTo;
    });
  }

  /** Returns when every byte so far is on the disk. */
  syncNow(): void {
    fdatasyncSync(this.#fd);
    this.#synced = this.position;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    fdatasyncSync(this.#fd);
    closeSync(this.#fd);
    syncFolder(dirname(this.path));
  }
}

/** Makes new and renamed entries of a folder durable. Windows has no such call. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
