import type { ContainerSpec } from "../../model/container-spec.ts";
import { LashError } from "../../model/errors.ts";

/** Parts of a specification that only a container can have. */
const containerOnly = [
  "platform",
  "entrypoint",
  "user",
  "hostname",
  "init",
  "tty",
  "openStdin",
  "ports",
  "mounts",
  "networks",
  "extraHosts",
  "dns",
  "shmSizeBytes",
  "ulimits",
  "sysctls",
  "capAdd",
  "capDrop",
  "securityOpt",
  "privileged",
  "devices",
  "readOnly",
  "memoryBytes",
  "cpus",
  "pidsLimit",
  "logging",
  "healthcheck",
] as const satisfies readonly (keyof ContainerSpec)[];

/** Refuses, by name, what a process cannot have; returns its command. */
export function checkSpec(spec: ContainerSpec): readonly [string, ...string[]] {
  const asked: string[] = containerOnly.filter((part) => isAsked(spec[part]));
  if (spec.image !== "") asked.unshift("image");
  if (spec.restart !== undefined && spec.restart.name !== "no") asked.push("restart");
  if (asked.length > 0) {
    throw new LashError(
      "engine-unsupported",
      `Cannot create process "${spec.name}": a process of this machine cannot have ${asked.join(", ")}`,
      { data: { parts: asked }, hint: "Remove these settings or run it as a container" },
    );
  }
  const [program, ...args] = spec.command ?? [];
  if (program === undefined || program === "") throw refusedSpec(spec.name, "no command specified");
  const texts = [program, ...args, ...Object.entries(spec.env).flat(), spec.workingDir ?? ""];
  if (texts.some((text) => text.includes("\0")))
    throw refusedSpec(spec.name, "a NUL character in command or env");
  const bad = Object.keys(spec.env).find((name) => name === "" || name.includes("="));
  if (bad !== undefined) throw refusedSpec(spec.name, `"${bad}" cannot name a variable`);
  return [program, ...args];
}

/** Nothing asked: absent, false, empty. */
function isAsked(value: ContainerSpec[keyof ContainerSpec]): boolean {
  if (value === undefined || value === false) return false;
  return !(Array.isArray(value) && value.length === 0);
}

function refusedSpec(name: string, why: string): LashError {
  return new LashError("engine-refused", `Cannot create process "${name}": ${why}`, {
    data: { status: 400 },
  });
}
