import { PatternError, type Assertion, type Node, type Ranges } from './syntax.ts';

/** One step of a compiled pattern; `to` and `or` are indexes of steps. */
export type Step =
  | { readonly kind: 'take'; readonly ranges: Ranges; readonly to: number }
  | { readonly kind: 'fork'; to: number; or: number }
  | { readonly kind: 'assert'; readonly assertion: Assertion; readonly to: number }
  | { readonly kind: 'match' };

/** The first step is step 0. */
export type Program = readonly Step[];

/** Each unit of text costs at most one look at each step. */
const MAX_STEPS = 2000;

/**
 * Compiles a pattern to a nondeterministic automaton (Thompson's construction). Built from its end, so that each part
 * knows the step that follows it.
 * @throws PatternError where repetitions make it too large
 */
export const compileProgram = (node: Node): Program => {
  const steps: Step[] = [{ kind: 'match' }];
  const add = (step: Step): number => {
    if (steps.length >= MAX_STEPS) {
      throw new PatternError(`needs more than ${MAX_STEPS} steps: make its repetitions smaller`);
    }
    return steps.push(step) - 1;
  };

  const optional = (part: Node, times: number, next: number): number => {
    let entry = next;
    for (let i = 0; i < times; i++) entry = add({ kind: 'fork', to: build(part, entry), or: next });
    return entry;
  };

  const repeat = (part: Node, min: number, max: number, next: number): number => {
    let entry = next;
    if (max === Infinity) {
      const loop: Step = { kind: 'fork', to: next, or: next };
      entry = add(loop);
      loop.to = build(part, entry);
    } else entry = optional(part, max - min, next);
    for (let i = 0; i < min; i++) entry = build(part, entry);
    return entry;
  };

  const build = (part: Node, next: number): number => {
    switch (part.kind) {
      case 'empty':
        return next;
      case 'set':
        return add({ kind: 'take', ranges: part.ranges, to: next });
      case 'assert':
        return add({ kind: 'assert', assertion: part.assertion, to: next });
      case 'all':
        return part.parts.reduceRight((entry, inner) => build(inner, entry), next);
      case 'any':
        return part.parts.map((inner) => build(inner, next)).reduceRight((or, to) => add({ kind: 'fork', to, or }));
      case 'repeat':
        return repeat(part.node, part.min, part.max, next);
    }
  };

  const start = build(node, 0);
  // Step 0 is the match while building; the finished program begins with a jump to its start.
  const shifted = steps.map((step): Step => {
    if (step.kind === 'match') return step;
    return step.kind === 'fork' ? { ...step, to: step.to + 1, or: step.or + 1 } : { ...step, to: step.to + 1 };
  });
  return [{ kind: 'fork', to: start + 1, or: start + 1 }, ...shifted];
};
