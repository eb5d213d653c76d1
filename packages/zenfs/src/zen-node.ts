/** A file of a ZenFS backend: a chain of names, so that a directory that moves takes everything below it with it. */
export class ZenNode {
  parent: ZenNode | null;
  name: string;
  /** Somebody has it open. */
  open = false;
  /** It has no name any more but the hidden one under which it waits to be forgotten. */
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

  /** The path of a name in this directory. */
  place(name: string): string {
    const dir = this.path();
    return dir === '/' ? `/${name}` : `${dir}/${name}`;
  }

  /** The file has another place. */
  move(parent: ZenNode, name: string): void {
    this.parent = parent;
    this.name = name;
  }
}
