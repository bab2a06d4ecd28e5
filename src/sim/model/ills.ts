/**
 * What can be the matter with a machine whose server goes on answering as if all were well. Each was seen on real servers;
 * where nothing else is said it ends with the server's process.
 */
export type MachineIll =
  /**
   * Nothing is loaded any more, what is in memory goes on (ollama issue 17408). The machine gets into this by itself as
   * well, as real ones do. Ends when a model leaves memory: by `keep_alive: 0`, or because its time is over.
   */
  | { readonly kind: 'wedged' }
  /** Reading and writing take so many times as long; what is loaded from now on uses no video memory. Outlives the process. */
  | { readonly kind: 'gpu-lost'; readonly factor: number }
  /** The model's runner does nothing for its requests. Ends when the model is unloaded; one not in memory hangs once it is. */
  | { readonly kind: 'hung-runner'; readonly model: string }
  /**
   * The model's runner dies. Its requests fail, and the next one loads the model again; where it had none it stays listed,
   * and the next ones fail. Ends with that.
   */
  | { readonly kind: 'dead-runner'; readonly model: string }
  /** A runner that this server does not know of holds so many bytes. Outlives the process. */
  | { readonly kind: 'orphan-memory'; readonly bytes: number };

export type MachineIllKind = MachineIll['kind'];

/** Those of the hardware: a new process has them too. */
export const OUTLIVES_PROCESS: ReadonlySet<MachineIllKind> = new Set(['gpu-lost', 'orphan-memory']);
