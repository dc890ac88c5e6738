/** HTTP calls to the server. Every failure becomes an ApiError with a text and what to do. */

export class ApiError extends Error {
  readonly code: string;
  readonly todo: string;
  constructor(code: string, message: string, todo: string) {
    super(message);
    this.code = code;
    this.todo = todo;
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; todo?: string };
}

async function failure(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    body = (await response.json()) as ErrorBody;
  } catch {
    // Not JSON: the status line is all there is.
  }
  const { code, message, todo } = body.error ?? {};
  return new ApiError(
    code ?? `HTTP_${response.status}`,
    message ?? `the server answered ${response.status} ${response.statusText}`,
    todo ?? 'Try again; if it stays so, look at the terminal in which armloop runs.',
  );
}

async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(
      'UNREACHABLE',
      'the server does not answer',
      'Check that `armloop up` is running; the page reconnects on its own.',
    );
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function get<T>(path: string): Promise<T> {
  return (await (await call(path, {})).json()) as T;
}

export async function getBinary(path: string): Promise<ArrayBuffer> {
  return (await call(path, {})).arrayBuffer();
}

export async function post<T>(path: string, body: object): Promise<T> {
  const response = await call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    // Lets a stop leave even while the page is being closed.
    keepalive: true,
  });
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

/** Address of a WebSocket on the server that the page came from. */
export function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
