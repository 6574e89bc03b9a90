import type { z } from "zod";
import type { ServerPort } from "../../app/types.ts";
import { emptySchema, healthSchema, probeSchema } from "../contract.ts";
import { defineRoute, empty, json, type Reply, type Route } from "../route.ts";

/** Where the server stands in its own life. */
export interface Life {
  readonly state: "starting" | "serving" | "ending";
}

/**
 * The server's own health. None of these waits for anything or asks anybody: they tell what is known. `/health` is 200
 * whatever the dependency's state; load balancers ask `/health/ready`, which counts it only where it is required.
 */
export function healthRoutes(life: Life): readonly Route[] {
  const shared = { method: "GET", tag: "health", guarded: false, protected: false } as const;
  const probe = (path: string, summary: string, judge: (port: ServerPort) => ProbeStatus): Route =>
    defineRoute({
      ...shared,
      path,
      summary,
      success: { type: "json", status: 200, schema: probeSchema },
      handle: ({ port }) => probeReply(judge(port)),
    });
  return [
    defineRoute({
      ...shared,
      path: "/health",
      summary: "The server and what it depends on",
      success: { type: "json", status: 200, schema: healthSchema },
      handle: ({ port }) => json(healthBody(port)),
    }),
    probe("/health/live", "Whether the process is alive", () => "ok"),
    probe("/health/ready", "Whether requests are welcome", (port) => {
      if (life.state !== "serving") return life.state === "ending" ? "shutting-down" : "starting";
      return port.dependency.optional || port.dependency.isUp ? "ok" : "not-ready";
    }),
    probe("/health/startup", "Whether it has started", () => (life.state === "starting" ? "starting" : "ok")),
  ];
}

/** The way for a person to say: try now. */
export const dependencyRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/api/dependency/retry",
    summary: "Try to reach the engine now, also after trying has stopped",
    tag: "health",
    body: emptySchema,
    success: { type: "empty" },
    guarded: false,
    audit: "dependency.retry",
    handle: ({ port }) => {
      port.dependency.rearm();
      return empty;
    },
  }),
];

type ProbeStatus = z.input<typeof probeSchema>["status"];

function probeReply(status: ProbeStatus): Reply {
  return json({ status, timestamp: new Date().toISOString() }, { status: status === "ok" ? 200 : 503 });
}

function healthBody({ dependency }: ServerPort): z.input<typeof healthSchema> {
  const snapshot = dependency.snapshot();
  const key = dependency.name === "docker-runner" ? "dockerRunner" : "engine";
  return {
    status: "ok",
    timestamp: new Date().toISOString(),
    ...(snapshot.status === "up" ? {} : { degraded: true }),
    dependencies: { [key]: snapshot },
  };
}
