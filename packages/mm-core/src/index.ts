// @vmarea/mm-core: the VMA engine. It decides where mappings go, how they merge and split, and why a call is refused.
// It runs without any memory behind it, and knows no architecture, filesystem or process. Mirrors mm/mmap.c and its neighbours.
