// @vmarea/mm-core/memory: frames, faults, copy-on-write, page cache and reverse mapping behind the VMA engine.
// The engine never imports this folder: memory plugs in through one port. Mirrors mm/memory.c, mm/filemap.c and mm/rmap.c.
