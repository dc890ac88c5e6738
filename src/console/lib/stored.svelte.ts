/** Small settings that outlive the page, in localStorage. */

export class Stored<T extends string | number | boolean> {
  readonly #key: string;
  #value: T;

  constructor(key: string, fallback: T) {
    this.#key = `armloop.${key}`;
    this.#value = $state(read(this.#key, fallback));
  }

  get value(): T {
    return this.#value;
  }

  set value(next: T) {
    this.#value = next;
    try {
      localStorage.setItem(this.#key, String(next));
    } catch {
      // Without storage the setting lasts as long as the page.
    }
  }
}

function read<T extends string | number | boolean>(key: string, fallback: T): T {
  let text: string | null = null;
  try {
    text = localStorage.getItem(key);
  } catch {
    return fallback;
  }
  if (text === null) return fallback;
  if (typeof fallback === 'number') return (Number.isFinite(Number(text)) ? Number(text) : fallback) as T;
  if (typeof fallback === 'boolean') return (text === 'true') as T;
  return text as T;
}
