/** Waits for `done`, but no longer than `ms`. Rejects as `done` does while it is waited for. */
export const withinMs = async (ms: number, done: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([done, timeUp]);
  } finally {
    clearTimeout(timer);
  }
};
