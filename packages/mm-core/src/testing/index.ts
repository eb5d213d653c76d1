// @vmarea/mm-core/testing: doubles for every port of the engine, and validateMm. For tests; nothing in src/ may import it.
