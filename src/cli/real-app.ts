import type { App } from "./app.ts";

/** The composition root, each part loaded when it is first called. */
export const lazyApp: App = {
  async findManifest(directory) {
    const { findManifest } = await import("../app/read-stack.ts");
    return findManifest(directory);
  },
  async openStack(source, options) {
    const { openStack } = await import("../app/open-stack.ts");
    return await openStack(source, options);
  },
  async readStack(source, options) {
    const { readStack } = await import("../app/read-stack.ts");
    return await readStack(source, options);
  },
  async runDoctor(options) {
    const { runDoctor } = await import("../app/doctor.ts");
    return await runDoctor(options);
  },
  async graphText(stack, format) {
    const { graphText } = await import("../app/read-stack.ts");
    return graphText(stack, format);
  },
  async configOf(stack) {
    const { configOf } = await import("../app/read-stack.ts");
    return configOf(stack);
  },
  async explain(words) {
    const { explain } = await import("../app/explain.ts");
    return explain(words);
  },
  async detachSupervisor(handle, options) {
    const { detachSupervisor } = await import("../app/supervisor.ts");
    return await detachSupervisor(handle, options);
  },
  async serveServer({ environment, signal, host, port, ...rest }) {
    const [{ openServerPort }, { serve }, { readServerSettings }] = await Promise.all([
      import("../app/serve-server.ts"),
      import("../server/serve.ts"),
      import("../server/settings.ts"),
    ]);
    const settings = readServerSettings(environment, { host, port });
    await serve({
      settings,
      open: async (hooks) => await openServerPort({ environment, hooks, signal, ...rest }),
      signal,
    });
  },
  async serveRunner(options) {
    const { runRunner } = await import("../app/serve-runner.ts");
    await runRunner(options);
  },
};
