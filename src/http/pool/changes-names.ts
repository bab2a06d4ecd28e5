import { ProxyError } from '../../core/errors.ts';
import { modelKey } from '../../core/model-name.ts';
import type { Target, TargetTable } from '../targets.ts';

/**
 * The real model behind a name.
 * @param verb what was to be done with it, for the message
 * @throws ProxyError `bad_request` for a virtual model, which is none in particular
 */
export const realModel = (targets: TargetTable, name: string, verb: string): Target => {
  const meaning = targets.meaning(name);
  if (meaning.kind !== 'virtual') return meaning.target;
  const advice = `${verb} one that it stands for (${meaning.of.join(', ')})`;
  throw new ProxyError('bad_request', `"${name}" is a virtual model of this proxy: ${advice}`);
};

/**
 * A name that a new model may have.
 * @throws ProxyError `bad_request` when the name means something else here, behind which the new model would be hidden
 */
export const freeName = (targets: TargetTable, name: string, verb: string): Target => {
  const meaning = targets.meaning(name);
  if (meaning.kind === 'model') return { key: modelKey(name), name };
  const is =
    meaning.kind === 'alias' ? `an alias of this proxy for ${meaning.target.name}` : 'a virtual model of this proxy';
  throw new ProxyError('bad_request', `"${name}" is ${is}: ${verb} another name`);
};

/**
 * The model of this very name, so that nothing is deleted by its alias.
 * @param exists whether any server has a model of this key
 * @throws ProxyError when nobody has it: `model_not_found` for an alias, `bad_request` for a virtual model
 */
export const literalModel = (targets: TargetTable, name: string, exists: (key: string) => boolean): Target => {
  const literal: Target = { key: modelKey(name), name };
  if (exists(literal.key)) return literal;
  const meaning = targets.meaning(name);
  if (meaning.kind !== 'alias') return realModel(targets, name, 'delete');
  const hint = `it is an alias of this proxy for ${meaning.target.name}, delete that`;
  throw new ProxyError('model_not_found', `model '${name}' not found: ${hint}`);
};
