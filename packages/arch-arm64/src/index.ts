// @vmarea/arch-arm64: page sizes, address-space layout, protection map, and page tables of arm64. Knows no files and no VMAs.
// That it satisfies the ports of mm-core is shown by a type test there. Mirrors arch/arm64/mm and arch/arm64/include/asm.
