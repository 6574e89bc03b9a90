/** What there is to say about one code: whole sentences, plain text with `code` in backquotes. */
export interface Meaning {
  /** A few words, no full stop. */
  readonly title: string;
  readonly means: string;
  readonly recognised: string;
  /** The repair, if there is one, with what must hold for it. */
  readonly does: string;
  readonly never: string;
  readonly youCan: string;
}

/** What Lash does where there is no safe repair. */
export const onlyReports = "Reports it and makes no change.";
