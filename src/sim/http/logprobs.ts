import { hash32 } from '../model/hash.ts';

const entry = (token: string, logprob: number): Record<string, unknown> => ({
  token,
  logprob,
  bytes: [...Buffer.from(token)],
});

/** An invented log probability per token, with `top` alternatives (0…20) of which the token itself is the first. */
export const tokenLogprobs = (token: string, top: number): Record<string, unknown> => {
  const logprob = -((hash32(token) % 1000) + 1) / 1000;
  if (top === 0) return entry(token, logprob);
  const others = Array.from({ length: top - 1 }, (_, index) => entry(` alt${index + 1}`, logprob - (index + 1)));
  return { ...entry(token, logprob), top_logprobs: [entry(token, logprob), ...others] };
};
