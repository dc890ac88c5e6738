#!/usr/bin/env node
/** The `armloop` command. */
import { main } from './cli/program.ts';

// Whoever reads the output may leave (`armloop check | head`): no reason to end, least of all for a rig that moves.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.exitCode = await main(process.argv.slice(2));
