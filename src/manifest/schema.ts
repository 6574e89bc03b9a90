import * as z from "zod/mini";
import { namePattern } from "../model/names.ts";
import {
  command,
  duration,
  flag,
  mapping,
  number,
  oneOrMore,
  scalar,
  size,
  text,
  textMap,
  texts,
  word,
} from "./schema-fields.ts";

const optional = z.optional;
const name = z.string().check(
  z.regex(new RegExp(namePattern), {
    error:
      "a name of at most 32 characters: a lower case letter, then lower case letters, digits, '_' and '-'",
  }),
);

const condition = word(["started", "ready", "completed"]);
const restartMode = word(["never", "on-failure", "always", "unless-stopped"]);
/** Restart policy, short or long. */
const restart = z.union(
  [restartMode, mapping({ mode: optional(restartMode), max: optional(number), window: optional(duration) })],
  { error: "never, on-failure, always, unless-stopped, or a mapping of mode, max and window" },
);
const ready = mapping({
  http: optional(text),
  tcp: optional(number),
  exec: optional(command),
  log: optional(text),
  healthcheck: optional(z.literal(true, { error: "true" })),
  port: optional(number),
  status: optional(z.union([z.number(), z.string()], { error: 'a status such as 200, or "200-399"' })),
  timeout: optional(duration),
  interval: optional(duration),
});
const healthcheck = mapping({
  test: command,
  interval: optional(duration),
  timeout: optional(duration),
  retries: optional(number),
  start_period: optional(duration),
});

const common = {
  depends_on: optional(
    z.union([texts, z.record(z.string(), condition)], {
      error: "a list of resources, or a mapping of resources to started, ready or completed",
    }),
  ),
  ready: optional(ready),
  healthcheck: optional(healthcheck),
  restart: optional(restart),
  profiles: optional(texts),
};

const run = {
  ports: optional(
    z.array(z.union([z.number(), z.string()], { error: "a port" }), { error: "a list of ports" }),
  ),
  env: optional(textMap),
  secrets: optional(textMap),
  volumes: optional(texts),
  entrypoint: optional(command),
  command: optional(command),
  working_dir: optional(text),
  user: optional(z.union([z.string(), z.number()], { error: "a user name or number" })),
  init: optional(flag),
  hostname: optional(text),
  labels: optional(textMap),
  networks: optional(texts),
  extra_hosts: optional(texts),
  dns: optional(oneOrMore),
  tmpfs: optional(oneOrMore),
  shm_size: optional(size),
  ulimits: optional(
    z.record(
      z.string(),
      z.union([number, mapping({ soft: number, hard: number })], {
        error: "a number, or a mapping of soft and hard",
      }),
      { error: "a mapping of limits" },
    ),
  ),
  sysctls: optional(textMap),
  cap_add: optional(texts),
  cap_drop: optional(texts),
  security_opt: optional(texts),
  privileged: optional(flag),
  devices: optional(texts),
  read_only: optional(flag),
  memory: optional(size),
  cpus: optional(number),
  pids_limit: optional(number),
  logging: optional(mapping({ driver: optional(text), options: optional(textMap) })),
  stop_signal: optional(text),
  stop_grace: optional(duration),
  platform: optional(text),
  pull: optional(word(["always", "missing", "never"])),
};

const build = {
  dockerfile: optional(text),
  target: optional(text),
  build_args: optional(textMap),
};

const managed = {
  version: optional(z.union([z.string(), z.number()], { error: "a version" })),
  image: optional(text),
  password: optional(scalar),
  port: optional(number),
  volume: optional(z.union([z.boolean(), z.string()], { error: "true, false or the name of a volume" })),
  env: optional(textMap),
  secrets: optional(textMap),
  memory: optional(size),
  cpus: optional(number),
  pull: optional(word(["always", "missing", "never"])),
  platform: optional(text),
  stop_grace: optional(duration),
};
const database = z.nullable(
  mapping({ ...managed, database: optional(text), user: optional(text), init: optional(text), ...common }),
);

/** What may stand under each kind. */
const kinds = {
  container: mapping({ image: text, ...run, ...common }),
  dockerfile: mapping({ context: text, ...build, ...run, ...common }),
  task: mapping({ image: optional(text), context: optional(text), ...build, ...run, ...common }),
  process: mapping({
    command: z.array(text, { error: "a list of texts: the program, then its arguments" }),
    working_dir: optional(text),
    env: optional(textMap),
    secrets: optional(textMap),
    port: optional(number),
    stop_signal: optional(text),
    stop_grace: optional(duration),
    ...common,
  }),
  postgres: database,
  mysql: database,
  mariadb: database,
  redis: z.nullable(mapping({ ...managed, ...common })),
  external: mapping({ host: optional(text), port: optional(number), url: optional(text), ...common }),
};

const resource = mapping({
  container: optional(kinds.container),
  dockerfile: optional(kinds.dockerfile),
  task: optional(kinds.task),
  process: optional(kinds.process),
  postgres: optional(kinds.postgres),
  mysql: optional(kinds.mysql),
  mariadb: optional(kinds.mariadb),
  redis: optional(kinds.redis),
  external: optional(kinds.external),
});

/** Structure of lash.yml. */
export const lashSchema = mapping({
  project: mapping({ name, version: optional(scalar), description: optional(text) }),
  resources: z.record(name, resource, { error: "a mapping of names to resources" }),
  ports: optional(
    z.record(
      z.string(),
      z.record(z.string(), z.union([z.number(), z.string()], { error: "a port" }), {
        error: "a mapping of names to ports",
      }),
      { error: "a mapping of bundles" },
    ),
  ),
  recovery: optional(mapping({ ports: optional(word(["bundle", "any-free", "never"])) })),
  restart: optional(restart),
  server: optional(mapping({ host: optional(text), port: optional(number) })),
});
