/** Longest text looked at: what an answer or an error says beyond it is not worth the time. */
const longest = 4000;

/** Text in which user and password of every URL are hidden. Cut off after 4000 characters. */
export function redactUrls(text: string): string {
  return text.slice(0, longest).replaceAll(/([a-z0-9+.-]:\/\/)[^\s/?#"'<>]*@/gi, "$1***@");
}
