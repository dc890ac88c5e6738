import { allocatesNothing } from '../bus/allocation.ts';

allocatesNothing('six servos', new URL('./allocation-child.js', import.meta.url));
