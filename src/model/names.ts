/** Pattern of project and resource names, as a source for schemas. */
export const namePattern = "^[a-z][a-z0-9_-]{0,31}$";

const nameRegExp = new RegExp(namePattern);
const databaseRegExp = /^[a-z][a-z0-9_]{0,62}$/;

/** Whether `text` may name a project or a resource. */
export function isName(text: string): boolean {
  return nameRegExp.test(text);
}

/** Whether `text` may name a database: what every supported server takes without quotes. */
export function isDatabaseName(text: string): boolean {
  return databaseRegExp.test(text);
}
