/** Routes that are remembered at a time: paths are whatever clients ask for. */
const MAX_ROUTES = 512;

/** A server as far as its routes depend on it. */
interface Server {
  readonly id: string;
  readonly version: string;
}

/**
 * Which servers turned out not to have which route, in a pool of several Ollama versions. What was learned of a server
 * holds for the version that it had; with another one it is asked again.
 */
export class RouteGaps {
  /** Route → server → the version that lacks it; the route that was learned longest ago comes first. */
  readonly #routes = new Map<string, Map<string, string>>();

  lacks({ id, version }: Server, method: string, path: string): boolean {
    return this.#routes.get(`${method} ${path}`)?.get(id) === version;
  }

  /** Whether any server is known to lack this route. */
  has(method: string, path: string): boolean {
    return this.#routes.has(`${method} ${path}`);
  }

  learn({ id, version }: Server, method: string, path: string): void {
    const route = `${method} ${path}`;
    const servers = this.#routes.get(route) ?? new Map<string, string>();
    this.#routes.delete(route);
    this.#routes.set(route, servers.set(id, version));
    for (const oldest of this.#routes.keys()) {
      if (this.#routes.size <= MAX_ROUTES) break;
      this.#routes.delete(oldest);
    }
  }
}
