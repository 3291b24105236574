import type { RequestListener, Server } from 'node:http';

/** Puts something between a server and the handlers of its requests that it has by now. */
export function interpose(
  server: Server,
  between: (handle: RequestListener) => RequestListener,
): void {
  const handlers = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on(
    'request',
    between((request, response) => {
      for (const handler of handlers) {
        handler.call(server, request, response);
      }
    }),
  );
}
