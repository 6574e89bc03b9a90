/** What a container of the memory engine has on disk: its own layer, over the image's, and what is mounted. */
export class ContainerFiles {
  readonly #own: Map<string, string>;
  readonly #mounts: ReadonlyMap<string, Map<string, string>>;

  /** `image`: text by absolute path. `mounts`: by target, text by path below it. */
  constructor(image: ReadonlyMap<string, string>, mounts: ReadonlyMap<string, Map<string, string>>) {
    this.#own = new Map(image);
    this.#mounts = mounts;
  }

  /** Text at an absolute path. */
  read(path: string): string | undefined {
    const { files, key } = this.#place(path);
    return files.get(key);
  }

  write(path: string, text: string): void {
    const { files, key } = this.#place(path);
    files.set(key, text);
  }

  /** What an image made of the container holds: mounts are not part of it. */
  layer(): ReadonlyMap<string, string> {
    return new Map(this.#own);
  }

  #place(path: string): { readonly files: Map<string, string>; readonly key: string } {
    for (const [target, files] of this.#mounts) {
      if (path.startsWith(`${target}/`)) return { files, key: path.slice(target.length + 1) };
    }
    return { files: this.#own, key: path };
  }
}
