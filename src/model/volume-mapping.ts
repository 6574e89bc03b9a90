import { type Parsed, parsed, unparsed } from "./parsed.ts";

/** A declared volume: what is mounted where. */
export interface VolumeMapping {
  /** "path": a folder or file of the host, as written; "volume": a named volume. */
  readonly type: "path" | "volume";
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

const expectedVolume = 'a volume such as "./data:/data", "cache:/cache" or "./conf:/conf:ro"';
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const drive = /^[a-zA-Z]:[\\/]/;

/**
 * `source:target[:ro|rw]`. A source that starts with `.` or `/`, or with a drive followed by a slash and a further
 * target (`C:\data:/data`), is a host path; anything else names a volume. `c:/data` alone is the volume "c".
 */
export function parseVolumeMapping(text: string): Parsed<VolumeMapping> {
  const isDrive =
    drive.test(text) && text.indexOf(":", 2) !== -1 && text.slice(text.indexOf(":", 2)).startsWith(":/");
  const colon = text.indexOf(":", isDrive ? 2 : 0);
  if (colon === -1) return unparsed(expectedVolume);
  const source = text.slice(0, colon);
  const [target = "", mode, ...rest] = text.slice(colon + 1).split(":");
  if (source === "" || target === "" || rest.length > 0) return unparsed(expectedVolume);
  if (mode !== undefined && mode !== "ro" && mode !== "rw") return unparsed('"ro" or "rw" as third part');
  if (!target.startsWith("/")) return unparsed("an absolute path in the container as target");
  const type = isDrive || isPath(source) ? "path" : "volume";
  if (type === "volume" && !volumeName.test(source)) {
    return unparsed(
      "a volume name of letters, digits, '_', '.' and '-', or a path that starts with '.' or '/'",
    );
  }
  return parsed({ type, source, target, readOnly: mode === "ro" });
}

/** Whether `text` may name a volume on an engine. */
export function isVolumeName(text: string): boolean {
  return volumeName.test(text);
}

function isPath(source: string): boolean {
  return source.startsWith(".") || source.startsWith("/");
}
