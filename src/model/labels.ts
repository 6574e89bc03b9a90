/**
 * Labels on everything Lash makes. The engine is the source of truth: what a container is, and whether it is ours, is
 * read from these and from nothing else.
 */
export const label = {
  /** Version of this set of labels; an older Lash refuses a newer one. */
  schema: "lash.schema",
  project: "lash.project",
  resource: "lash.resource",
  kind: "lash.kind",
  /** Hash of the resolved configuration and image; another hash means: recreate. */
  configHash: "lash.config-hash",
  /** Absolute path of the manifest: with project and machine it identifies a stack. */
  manifest: "lash.manifest",
  machine: "lash.machine",
  version: "lash.version",
  /** On a network: id of the user whose Lash made it. */
  user: "lash.user",
  /** Port bundle in use. */
  bundle: "lash.bundle",
  /** Host ports in use instead of declared ones: "8080:49153,9090:49154". */
  movedPorts: "lash.moved-ports",
  /** Names of the resources it depends on, by comma: the order of a `down` that has no manifest. */
  dependsOn: "lash.depends-on",
  /** Time between stop signal and kill, in ms. */
  stopGrace: "lash.stop-grace-ms",
  /** Project that an image was built for. Not `project`: containers inherit the labels of their image, and one that a
   * person runs from it is not ours. */
  imageProject: "lash.image-project",
  /** "true" on a one-off container of `lash run`. */
  oneOff: "lash.one-off",
} as const;

/** Schema version this code writes. */
export const labelSchema = "1";
