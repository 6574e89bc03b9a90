import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { DependencyMeasures, ServerPort } from "../app/types.ts";

/** Counters of one server, in a registry of its own. */
export interface Metrics {
  readonly contentType: string;
  request(
    labels: { readonly method: string; readonly route: string; readonly status: number },
    ms: number,
  ): void;
  rejected(route: string): void;
  cleanedUp(outcome: string): void;
  streamOpened(): () => void;
  /** Everything, in Prometheus's text format. */
  text(port: ServerPort): Promise<string>;
}

/** Opens the counters of one server. Labels are of few values: routes, never paths. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: "lash_" });
  const requests = new Histogram({
    name: "lash_http_request_duration_seconds",
    help: "Time to the end of an answer, by route",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers,
  });
  const rejected = new Counter({
    name: "lash_rejected_requests_total",
    help: "Requests that were refused because the engine was away",
    labelNames: ["route"] as const,
    registers,
  });
  const cleanups = new Counter({
    name: "lash_cleanup_total",
    help: "Removals of unused containers, by outcome",
    labelNames: ["outcome"] as const,
    registers,
  });
  const streams = new Gauge({
    name: "lash_open_streams",
    help: "Streams and terminals that are open",
    registers,
  });
  return {
    contentType: registry.contentType,
    request: ({ method, route, status }, ms) =>
      requests.observe({ method, route, status: String(status) }, ms / 1000),
    rejected: (route) => rejected.inc({ route }),
    cleanedUp: (outcome) => cleanups.inc({ outcome }),
    streamOpened() {
      streams.inc();
      let isOpen = true;
      return () => {
        if (isOpen) streams.dec();
        isOpen = false;
      };
    },
    text: async (port) => `${await registry.metrics()}\n${dependencyText(port)}`,
  };
}

/** What the monitor has counted: it keeps its own figures, so they are written as they are. */
function dependencyText({ dependency, containers }: ServerPort): string {
  const { name, isUp } = dependency;
  const { counters, bucketSeconds, consecutiveFailures, outageSeconds } = dependency.measures();
  const of = `dependency="${name}"`;
  const transitions = Object.entries(counters.transitions).map(([transition, count]) => {
    const [from = "", to = ""] = transition.split(">");
    return `lash_dependency_transitions_total{${of},from="${from}",to="${to}"} ${count}`;
  });
  const probes = Object.entries(counters.probes).map(
    ([result, count]) => `lash_dependency_probes_total{${of},result="${result}"} ${count}`,
  );
  return [
    ...described("lash_dependency_up", "gauge", "Whether the dependency is up"),
    `lash_dependency_up{${of}} ${isUp ? 1 : 0}`,
    ...described("lash_dependency_consecutive_failures", "gauge", "Failed probes since the last success"),
    `lash_dependency_consecutive_failures{${of}} ${consecutiveFailures}`,
    ...described("lash_dependency_transitions_total", "counter", "Changes of the status"),
    ...transitions,
    ...described("lash_dependency_probes_total", "counter", "Probes by result"),
    ...probes,
    ...described("lash_dependency_probe_duration_seconds", "histogram", "Time that a probe took"),
    ...histogramLines(of, counters.probeSeconds, bucketSeconds),
    ...described("lash_dependency_outage_seconds_total", "counter", "Time in which it was down"),
    `lash_dependency_outage_seconds_total{${of}} ${outageSeconds}`,
    ...described("lash_containers", "gauge", "Containers of the server, by state"),
    ...containerLines(containers.known().map(({ state }) => state)),
    "",
  ].join("\n");
}

function described(name: string, type: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function histogramLines(
  of: string,
  { counts, count, sum }: DependencyMeasures["counters"]["probeSeconds"],
  ends: readonly number[],
): readonly string[] {
  const name = "lash_dependency_probe_duration_seconds";
  let below = 0;
  const buckets = ends.map((end, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${of},le="${Number.isFinite(end) ? end : "+Inf"}"} ${below}`;
  });
  return [...buckets, `${name}_sum{${of}} ${sum}`, `${name}_count{${of}} ${count}`];
}

function containerLines(states: readonly string[]): readonly string[] {
  const byState = new Map<string, number>([["running", 0]]);
  for (const state of states) byState.set(state, (byState.get(state) ?? 0) + 1);
  return [...byState].map(([state, count]) => `lash_containers{state="${state}"} ${count}`);
}
