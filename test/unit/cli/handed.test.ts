import { describe, expect, it } from 'vitest';
import { handedSockets } from '../../../src/cli/handed.ts';

const PID = 42;
const listen = (fds: number, names?: string, pid = PID) => ({
  pid: PID,
  env: {
    LISTEN_PID: String(pid),
    LISTEN_FDS: String(fds),
    ...(names === undefined ? {} : { LISTEN_FDNAMES: names }),
  },
});

describe('sockets that were handed down', () => {
  it('by a service manager are known by their names, and a single one is of the proxy', () => {
    expect(handedSockets(listen(1))).toEqual({ proxy: { fd: 3 } });
    expect(handedSockets(listen(1, 'router.socket'))).toEqual({ proxy: { fd: 3 } });
    expect(handedSockets(listen(1, 'admin'))).toEqual({ admin: { fd: 3 } });
    expect(handedSockets(listen(3, 'metrics:proxy:admin'))).toEqual({
      metrics: { fd: 3 },
      proxy: { fd: 4 },
      admin: { fd: 5 },
    });
  });

  it('are for the process that is named, and for none of its children', () => {
    expect(handedSockets(listen(1, 'proxy', PID - 1))).toEqual({});
    expect(handedSockets({ pid: PID, env: { LISTEN_FDS: '1' } })).toEqual({});
    expect(handedSockets({ pid: PID, env: {} })).toEqual({});
  });

  it('that nobody has a use for are refused, since whoever connects would wait for ever', () => {
    expect(() => handedSockets(listen(2))).toThrow(/socket 1 is called "".*FileDescriptorName/);
    expect(() => handedSockets(listen(2, 'proxy:dns'))).toThrow(/socket 2 is called "dns"/);
    expect(() => handedSockets(listen(2, 'proxy:proxy'))).toThrow(/each once/);
  });

  it('by the process before this one come with the addresses that they were opened for', () => {
    const sockets = { proxy: { fd: 4, address: '127.0.0.1:0' } };
    const env = { TASK_ROUTER_HANDED_SOCKETS: JSON.stringify(sockets), LISTEN_PID: String(PID), LISTEN_FDS: '1' };
    expect(handedSockets({ pid: PID, env })).toEqual(sockets);
  });
});
