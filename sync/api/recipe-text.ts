import { CaissonError } from '../../gateway/errors.ts';
import type { Recipe } from '../../gateway/store/derivation.ts';

/**
 * How something was derived, from its JSON.
 * @throws CaissonError `peer-invalid`
 */
export function decodeRecipe(text: string): Recipe {
  const recipe = parsed(text) as Partial<Recipe> | null;
  if (typeof recipe === 'object' && typeof recipe?.kind === 'string') return recipe as Recipe;
  throw new CaissonError('peer-invalid', `a recipe is '${text.slice(0, 60)}', expected an object with a kind, as JSON`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
