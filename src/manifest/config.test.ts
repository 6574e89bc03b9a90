import { expect, test } from "vitest";
import { describeConfig } from "./config.ts";
import { resources, stackOf } from "./stack.test.support.ts";

const text = resources(`{ db: { postgres: { password: hunter22 } },
  api: { container: { image: "x:\${env.TAG}", secrets: { KEY: abcd-key, REF: "\${resources.db.password}" }, command: [run, "--key=abcd-key", "\${secret.S}x", "\${env.NONE}"],
    env: { U: "\${resources.db.url}", P: "pg://u:hunter22@h" } } } }`);
const stack = stackOf(text, { env: { TAG: "1" }, secrets: { S: "file-secret" } });

test("describeConfig() shows everything filled in, and hides every secret wherever it stands", () => {
  expect(describeConfig(stack)).toEqual({
    project: { name: "shop" },
    recovery: { ports: "bundle" },
    resources: {
      db: { postgres: { password: "***" } },
      api: {
        container: {
          image: "x:1",
          secrets: { KEY: "***", REF: "***" },
          command: ["run", "--key=***", "***x", "${env.NONE}"],
          env: { U: "${resources.db.url}", P: "pg://u:***@h" },
        },
      },
    },
  });
});

test("describeConfig() without mask shows them", () => {
  const shown = JSON.stringify(describeConfig(stack, false));
  for (const secret of ["hunter22", "--key=abcd-key", "file-secretx"]) expect(shown).toContain(secret);
});
