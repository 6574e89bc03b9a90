import { LashError } from "../../model/errors.ts";
import type { Context } from "../context.ts";
import { openNamedStack } from "../stack-source.ts";

/** The background half of `lash up -d`. Writes events as JSON lines; its caller sends them to the supervisor's log. */
export async function supervise(context: Context): Promise<number> {
  const { output, signal } = context;
  await using handle = await openNamedStack(context, { role: "supervisor" });
  const end = handle.onEvent((event) => void output.jsonLine(event));
  try {
    const ended = await handle.supervise({ signal });
    if (ended.reason !== "all-ended" || ended.failures.length === 0) return 0;
    throw new LashError(
      "resource-failed",
      `Cannot keep "${handle.stack.project}" up: every resource has ended`,
      {
        data: { failures: ended.failures },
      },
    );
  } finally {
    end();
  }
}
