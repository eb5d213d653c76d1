// Numbers and names of the capabilities, and sets of them as text.
// A set is a Set of numbers, because there are more than 32. Mirrors include/uapi/linux/capability.h.

export const CAP_CHOWN = 0;
export const CAP_DAC_OVERRIDE = 1;
export const CAP_DAC_READ_SEARCH = 2;
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_KILL = 5;
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_SETPCAP = 8;
export const CAP_LINUX_IMMUTABLE = 9;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_BROADCAST = 11;
export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;
export const CAP_IPC_LOCK = 14;
export const CAP_IPC_OWNER = 15;
export const CAP_SYS_MODULE = 16;
export const CAP_SYS_RAWIO = 17;
export const CAP_SYS_CHROOT = 18;
export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_PACCT = 20;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_BOOT = 22;
export const CAP_SYS_NICE = 23;
export const CAP_SYS_RESOURCE = 24;
export const CAP_SYS_TIME = 25;
export const CAP_SYS_TTY_CONFIG = 26;
export const CAP_MKNOD = 27;
export const CAP_LEASE = 28;
export const CAP_AUDIT_WRITE = 29;
export const CAP_AUDIT_CONTROL = 30;
export const CAP_SETFCAP = 31;
export const CAP_MAC_OVERRIDE = 32;
export const CAP_MAC_ADMIN = 33;
export const CAP_SYSLOG = 34;
export const CAP_WAKE_ALARM = 35;
export const CAP_BLOCK_SUSPEND = 36;
export const CAP_AUDIT_READ = 37;
export const CAP_PERFMON = 38;
export const CAP_BPF = 39;
export const CAP_CHECKPOINT_RESTORE = 40;
/** The highest capability. */
export const CAP_LAST_CAP = 40;

const NAMES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** Returns the name of a capability, for instance `CAP_IPC_LOCK`; the decimal number when there is none. */
export function capabilityName(capability: number): string {
  return NAMES[capability] ?? String(capability);
}

/** Returns the number of a capability from its name, with or without `CAP_`, in any case; `undefined` for a name that is none. */
export function capabilityByName(name: string): number | undefined {
  const upper = name.toUpperCase();
  const index = NAMES.indexOf(upper.startsWith('CAP_') ? upper : `CAP_${upper}`);
  return index < 0 ? undefined : index;
}

/** Returns every capability: root's set. */
export function allCapabilities(): Set<number> {
  return new Set(NAMES.keys());
}

/**
 * Parses a set of capabilities: `all`, `none`, or names separated by commas. A name with `-` before it is removed from the
 * set so far (`all,-sys_admin`).
 * @returns the set, or the first word that is no capability
 */
export function parseCapabilities(text: string): ReadonlySet<number> | string {
  const result = new Set<number>();
  for (const part of text.split(',')) {
    const word = part.trim();
    if (word === '') continue;
    const remove = word.startsWith('-');
    const name = remove ? word.slice(1) : word;
    const lower = name.toLowerCase();
    if (lower === 'all' || lower === 'none') {
      const clear = (lower === 'all') === remove;
      if (clear) result.clear();
      else for (const capability of NAMES.keys()) result.add(capability);
      continue;
    }
    const capability = capabilityByName(name);
    if (capability === undefined) return word;
    if (remove) result.delete(capability);
    else result.add(capability);
  }
  return result;
}

/** Formats a set of capabilities for {@link parseCapabilities}: `all`, `none`, or names in numerical order. */
export function formatCapabilities(capabilities: ReadonlySet<number>): string {
  if (capabilities.size === 0) return 'none';
  if (capabilities.size === NAMES.length) return 'all';
  return [...capabilities]
    .sort((a, b) => a - b)
    .map(capabilityName)
    .join(',');
}
