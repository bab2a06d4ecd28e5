import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Longer than any pause between two rounds: no connection is closed for idling while something else is measured. */
export const KEEP_ALIVE_MS = 120_000;

/** Listens on a free loopback port, prints the URL as the first line, and ends with the process that started it. */
export const announce = (server: Server): void => {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
  });
  process.once('disconnect', () => process.exit());
};
