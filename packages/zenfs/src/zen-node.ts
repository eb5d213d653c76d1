/** A file of a ZenFS backend: a chain of names, so that moving a directory also moves everything below it. */
export class ZenNode {
  parent: ZenNode | null;
  name: string;
  /** Whether it is open. */
  open = false;
  /** Whether it has only the hidden name that it keeps until it is dropped. */
  removed = false;

  constructor(parent: ZenNode | null, name: string) {
    this.parent = parent;
    this.name = name;
  }

  path(): string {
    if (this.parent === null) return '/';
    const dir = this.parent.path();
    return dir === '/' ? `/${this.name}` : `${dir}/${this.name}`;
  }

  /** Returns the path of a name in this directory. */
  place(name: string): string {
    const dir = this.path();
    return dir === '/' ? `/${name}` : `${dir}/${name}`;
  }

  /** Moves the file to another directory or name. */
  move(parent: ZenNode, name: string): void {
    this.parent = parent;
    this.name = name;
  }
}
