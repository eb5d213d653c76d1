#!/usr/bin/env node
// vmarea, the command line. It wires drivers, architecture and profile; all answers come from the packages.
