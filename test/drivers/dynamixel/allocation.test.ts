import { allocatesNothing } from '../bus/allocation.ts';

allocatesNothing('eight servos', new URL('./allocation-child.js', import.meta.url));
