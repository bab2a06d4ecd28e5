/**
 * Ollama's model names (types/model/name.go at v0.33): `[host/][namespace/]model[:tag]`, compared without case, with
 * the defaults `registry.ollama.ai`, `library` and `latest`. A tag is what follows the last `:` if that comes after the
 * last `/`, because a host may carry a port.
 */
const DEFAULT_PREFIXES = ['registry.ollama.ai/library/', 'library/'];

/**
 * The one spelling under which a name is compared and counted: trimmed, lower case, default host and namespace dropped,
 * tag always present. `Llama3` and `registry.ollama.ai/library/llama3:latest` both give `llama3:latest`.
 */
export const modelKey = (name: string): string => {
  let key = name.trim().toLowerCase();
  for (const prefix of DEFAULT_PREFIXES) {
    if (key.startsWith(prefix)) {
      key = key.slice(prefix.length);
      break;
    }
  }
  return key.lastIndexOf(':') > key.lastIndexOf('/') ? key : `${key}:latest`;
};
