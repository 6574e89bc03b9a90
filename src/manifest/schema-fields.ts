import * as z from "zod/mini";

// The `error` of each schema is what was expected, in words that fit behind "expected ...". Only structure is checked
// here: what a text must look like inside (ports, durations, images...) is checked after interpolation.

/** A text. */
export const text = z.string({ error: "a text" });
/** A text, or a number or boolean that is taken as it is written. */
export const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: "a text, a number or a boolean",
});
/** A number, or a text that interpolation makes one. */
export const number = z.union([z.number(), z.string()], { error: "a number" });
/** A yes or no. */
export const flag = z.boolean({ error: "true or false" });
/** A list of texts. */
export const texts = z.array(text, { error: "a list of texts" });
/** A map of texts. */
export const textMap = z.record(z.string(), scalar, { error: "a mapping of names to texts" });
/** A text, which a shell runs, or a list of arguments, which nothing interprets. */
export const command = z.union([z.string(), texts], { error: "a text or a list of texts" });
/** One text or several. */
export const oneOrMore = z.union([z.string(), texts], { error: "a text or a list of texts" });
/** Size with unit, or number of bytes. */
export const size = z.union([z.string(), z.number()], { error: "a size such as 64m, or a number of bytes" });
/** Duration with unit. */
export const duration = z.string({ error: "a duration such as 5s, 200ms or 1m30s" });

/** A mapping that takes these keys and no others; keys that start with `x-` are free. */
export function mapping<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodMiniObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape).join(" ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? keys : "a mapping"),
  });
}

/** One of these words. */
export function word<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodMiniEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, { error: words.join(", ").replace(/, ([^,]*)$/, " or $1") });
}
