import { defineConfig } from "vitest/config";

// `unit` needs nothing but Node. `engine` runs against the private engines of test/bed and is started through
// test/run.sh, which enters the bed's namespaces first.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/architecture.test.ts", "test/unit/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "engine",
          include: [
            "test/bed/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/scenarios/**/*.test.ts",
            "test/faults/**/*.test.ts",
          ],
          globalSetup: ["test/bed/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: true,
          maxWorkers: 2,
        },
      },
    ],
  },
});
