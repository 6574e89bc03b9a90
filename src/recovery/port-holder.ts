/** Who has a host port, as far as looking tells. */
export type PortHolder =
  | {
      readonly type: "container";
      readonly container: string;
      /** Whose labels it carries; undefined for a container that was started by hand. */
      readonly by: "compose" | "lash" | undefined;
      /** The project, and the file it was started from. */
      readonly project: string | undefined;
      readonly file: string | undefined;
      /** Whether it carries the labels of the stack that wants the port. */
      readonly ours: boolean;
    }
  | {
      readonly type: "process";
      /** Undefined where we may not see whose socket it is. */
      readonly pid: number | undefined;
      readonly name: string | undefined;
      readonly address: string;
    }
  /** A proxy of an engine that does not list the port: another engine on this host. */
  | { readonly type: "other-engine"; readonly pid: number; readonly name: string }
  | { readonly type: "reserved"; readonly range: string }
  /** Nothing was found; `because` says where was looked or why not. */
  | { readonly type: "unknown"; readonly because: string };
