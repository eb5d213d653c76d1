#!/usr/bin/env node
// vmarea, the command line. It wires drivers, architecture and profile; all answers come from the packages.
import { Command } from 'commander';
import { addExplainCommand } from './explain.ts';

const program = new Command('vmarea');
addExplainCommand(program);
program.parse();
