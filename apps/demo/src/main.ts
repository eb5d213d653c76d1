#!/usr/bin/env node
// vmarea, the command line. It wires drivers, architecture and profile; all answers come from the packages.
import { run } from './cli.ts';
import { processIo } from './text/io.ts';

process.exitCode = await run(process.argv.slice(2), processIo());
