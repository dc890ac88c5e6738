/** Values of options, checked where they come in. What does not fit is commander's error, or one of ours. */
import { InvalidArgumentError } from 'commander';
import { ArmloopError } from '../errors.ts';

/** NaN for what is no number: an empty text too, which `Number` takes for 0. */
const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  };
}

export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    if (Number.isFinite(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a number of at least ${least}.`);
  };
}

export function positive(text: string): number {
  const value = numberOf(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** From 0 to 1. */
export function share(text: string): number {
  const value = numberOf(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}

/** Numbers between commas. */
export function numbers(text: string): number[] {
  const values = text.split(',').map(numberOf);
  if (values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('It must be numbers, by commas.');
}

/** Address of a console. Throws SERVER_UNREACHABLE. */
export function serverUrl(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new ArmloopError('SERVER_UNREACHABLE', { url: text, reason: 'that is no http address' });
}
