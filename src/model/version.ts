/** This release. `npm run ok` compares it with package.json. */
export const version = "0.1.0";
