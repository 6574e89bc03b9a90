import type { ResolvedResource } from "../model/stack.ts";
import { Fields } from "./fields.ts";
import { lowerContainer } from "./lower-container.ts";
import { lowerExternal, lowerProcess } from "./lower-host.ts";
import type { LowerInput } from "./lower-input.ts";
import { lowerManaged } from "./lower-managed.ts";

/** What an engine needs, from a resource whose texts are all known. What a grammar refuses is reported and left out. */
export function lower(input: LowerInput): ResolvedResource {
  const fields = new Fields(input.body, ["resources", input.name, input.kind], input.report);
  switch (input.kind) {
    case "container":
    case "dockerfile":
    case "task":
      return lowerContainer(input, fields);
    case "process":
      return lowerProcess(input, fields);
    case "external":
      return lowerExternal(input, fields);
    case "postgres":
    case "mysql":
    case "mariadb":
    case "redis":
      return lowerManaged(input, fields, input.kind);
  }
}
