import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "./identity.ts";
import { type ProcessRecord, parseRecord } from "./record.ts";

/**
 * The folder of records: `<id>/record.json` with the output beside it. Reads and writes are synchronous: they are
 * small and local, and nothing of ours can come in between. Files are for their owner alone, as output and variables
 * may hold secrets.
 */
export class ProcessStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Folder of one record. */
  folder(id: string): string {
    return join(this.directory, id);
  }

  ids(): readonly string[] {
    return readdirSync(this.directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name);
  }

  all(): readonly ProcessRecord[] {
    return this.ids()
      .map((id) => this.load(id))
      .filter((found) => found !== undefined);
  }

  load(id: string): ProcessRecord | undefined {
    const path = join(this.folder(id), "record.json");
    try {
      return parseRecord(readFileSync(path, "utf8"), path);
    } catch (error) {
      if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
      throw error;
    }
  }

  find(nameOrId: string): ProcessRecord | undefined {
    const byId = /^[0-9a-f]{12}$/.test(nameOrId) ? this.load(nameOrId) : undefined;
    return byId ?? this.all().find((each) => each.name === nameOrId);
  }

  /** A new record; it appears whole or not at all. */
  add(draft: Omit<ProcessRecord, "id" | "version" | "revision">): ProcessRecord {
    const created: ProcessRecord = { ...draft, version: 1, id: randomBytes(6).toString("hex"), revision: 1 };
    const hidden = join(this.directory, `.new-${created.id}`);
    mkdirSync(hidden, { mode: 0o700 });
    writeFileSync(join(hidden, "record.json"), JSON.stringify(created), { mode: 0o600 });
    renameSync(hidden, this.folder(created.id));
    return created;
  }

  /** Replaces the record whole; undefined when it was removed meanwhile. */
  save(changed: ProcessRecord): ProcessRecord | undefined {
    const next = { ...changed, revision: changed.revision + 1 };
    const path = join(this.folder(next.id), "record.json");
    const fresh = `${path}.${process.pid}.${randomBytes(3).toString("hex")}`;
    try {
      writeFileSync(fresh, JSON.stringify(next), { mode: 0o600 });
      renameSync(fresh, path);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
    return next;
  }

  /** Disappears at once; its files go right after. */
  delete(id: string): void {
    const hidden = join(this.directory, `.gone-${id}`);
    try {
      renameSync(this.folder(id), hidden);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
    rmSync(hidden, { recursive: true, force: true });
  }
}
