import { JsonWalk } from './demand-walk.ts';

const OPEN_BRACE = 0x7b;

/** A member of the request: its bytes from the key's quote to the end of the value. */
interface Member {
  readonly from: number;
  readonly to: number;
  readonly drop: boolean;
}

/**
 * A native body without `keep_alive`, however it is written and however often; every other byte stays as it was. The
 * server then keeps the model as long as it does by default, from the end of the request on (server/routes.go, v0.33).
 * @param body a JSON object that was scanned
 */
export const stripKeepAlive = (body: Buffer): Buffer => {
  const walk = new JsonWalk(body);
  const start = body.indexOf(OPEN_BRACE);
  if (start === -1) return body;
  const members: Member[] = [];
  walk.members(start, (keyFrom, keyTo, _, to) => {
    // Members of a request match without case (encoding/json).
    members.push({ from: keyFrom - 1, to, drop: walk.exactKey(keyFrom, keyTo).toLowerCase() === 'keep_alive' });
  });
  const pieces: Buffer[] = [];
  let done = 0;
  let kept = false;
  for (const [index, { from, to, drop }] of members.entries()) {
    if (!drop) {
      kept = true;
      continue;
    }
    // With the comma before it, or the one behind it where nothing is left before it.
    pieces.push(body.subarray(done, kept ? (members[index - 1]?.to ?? from) : from));
    done = kept ? to : (members[index + 1]?.from ?? to);
  }
  return pieces.length === 0 ? body : Buffer.concat([...pieces, body.subarray(done)]);
};
