// The runner behind `pnpm conformance`: replays the recordings of this folder on the wired system and compares answers and maps.
