// The runner behind `pnpm bench`: measures the engine interleaved with its peers and prints ratios.
