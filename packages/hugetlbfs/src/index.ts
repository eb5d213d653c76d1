// @vmarea/hugetlbfs: hstates, the pool, reservations, surplus pages, and hugetlbfs files. Knows nothing of shmem.
// Mirrors mm/hugetlb.c and fs/hugetlbfs/inode.c.
