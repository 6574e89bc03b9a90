import type { ConformanceHarness } from "../../../src/engine/conformance/harness.ts";
import { shellCommand } from "../../../src/engine/conformance/shell.ts";
import type { Engine } from "../../../src/engine/engine.ts";

/** What a runner for engines with containers still has to say. */
export interface ContainerHarnessOptions {
  readonly open: () => Engine;
  readonly registry?: ConformanceHarness["registry"];
  /** Ends what the engine needed. */
  readonly close: () => Promise<void>;
}

/** The harness of an engine that has the bed's images: behaviours are shell scripts in `lash-base:1`. */
export function containerHarness(
  options: ContainerHarnessOptions,
): Omit<ConformanceHarness, "lacks" | "signal"> & AsyncDisposable {
  const image = "lash-base:1";
  const engine = options.open();
  return {
    engine,
    openSecond: async () => options.open(),
    spec: (name, behaviour) => ({ name, labels: {}, image, env: {}, command: shellCommand(behaviour) }),
    command: shellCommand,
    folder: "/usr",
    image,
    registry: options.registry,
    labels: { suite: "conformance" },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await options.close();
    },
  };
}
