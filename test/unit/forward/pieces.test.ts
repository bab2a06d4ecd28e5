import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Pieces, writePiece } from '../../../src/forward/pieces.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** What a client reads of one answer, head and framing included. */
const bytesOf = async (version: '1.0' | '1.1', answer: (res: ServerResponse) => void): Promise<string> => {
  const server = createServer((_req, res) => {
    res.writeHead(200);
    answer(res);
  });
  cleanups.push(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const read: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => read.push(bytes));
  socket.write(`GET / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await once(socket, 'close');
  return Buffer.concat(read).toString('latin1');
};

const bodyOf = (bytes: string): string => bytes.slice(bytes.indexOf('\r\n\r\n') + 4);

describe('the pieces of a stream', () => {
  it('go out as one chunk where they came together, in their order', async () => {
    const bytes = await bytesOf('1.1', (res) => {
      writePiece(res, Buffer.from('head\n'));
      const pieces = new Pieces(res, () => {});
      setImmediate(() => {
        for (const line of ['one\n', 'two\n', 'three\n']) pieces.push(Buffer.from(line));
        setImmediate(() => {
          pieces.push(Buffer.from('four\n'));
          pieces.flush();
          res.end();
        });
      });
    });
    expect(bodyOf(bytes)).toBe('5\r\nhead\n\r\ne\r\none\ntwo\nthree\n\r\n5\r\nfour\n\r\n0\r\n\r\n');
  });

  it('keep their place behind what the response still holds', async () => {
    const bytes = await bytesOf('1.1', (res) => {
      const pieces = new Pieces(res, () => {});
      writePiece(res, Buffer.from('first'));
      pieces.push(Buffer.from('second'));
      pieces.flush();
      writePiece(res, Buffer.from('third'));
      res.end();
    });
    expect(bodyOf(bytes)).toBe('5\r\nfirst\r\n6\r\nsecond\r\n5\r\nthird\r\n0\r\n\r\n');
  });

  it('are not framed for a client that knows no chunks', async () => {
    const bytes = await bytesOf('1.0', (res) => {
      writePiece(res, Buffer.from('a'));
      const pieces = new Pieces(res, () => {});
      pieces.push(Buffer.from('b'));
      pieces.push(Buffer.from('c'));
      pieces.flush();
      res.end();
    });
    expect(bodyOf(bytes)).toBe('abc');
  });

  it('say when there is no room for more', async () => {
    const rooms: boolean[] = [];
    const large = Buffer.alloc(4 * 1024 * 1024, 'x');
    const bytes = await bytesOf('1.1', (res) => {
      writePiece(res, Buffer.from('a'));
      const pieces = new Pieces(res, (room) => rooms.push(room));
      setImmediate(() => {
        pieces.push(large);
        pieces.flush();
        pieces.push(Buffer.from('b'));
        pieces.flush();
        res.end();
      });
    });
    expect(rooms).toEqual([false, false]);
    expect(bodyOf(bytes).endsWith('x\r\n1\r\nb\r\n0\r\n\r\n')).toBe(true);
  });

  it('are dropped when the client has left', async () => {
    let written = 0;
    await bytesOf('1.1', (res) => {
      const pieces = new Pieces(res, () => written++);
      pieces.push(Buffer.from('late'));
      res.destroy();
    });
    expect(written).toBe(0);
  });
});
