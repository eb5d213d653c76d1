// @vmarea/shmem: tmpfs, shared anonymous memory, memfd and its seals. Knows nothing of hugetlbfs. Mirrors mm/shmem.c.
