import type { ResourceKind } from "../model/stack.ts";

/** Kinds whose image, check and outputs Lash knows. */
export type ManagedKind = Extract<ResourceKind, "postgres" | "mysql" | "mariadb" | "redis">;

/** What a managed resource was given, with defaults filled in. */
export interface Settings {
  readonly version: string;
  readonly database: string;
  readonly user: string;
  /** "" for none, which only redis knows. */
  readonly password: string;
}

/** What Lash knows of one server. */
export interface Server {
  readonly version: string;
  readonly image: (version: string) => string;
  /** Port it listens on in its container, always. */
  readonly port: number;
  readonly scheme: string;
  /** Default user; undefined when it knows neither users nor databases. */
  readonly user: string | undefined;
  readonly dataFolder: (version: string) => string;
  readonly env: (settings: Settings) => Readonly<Record<string, string>>;
  /** Command instead of the image's. */
  readonly command: (settings: Settings) => readonly string[] | undefined;
  /** Succeeds in the container as soon as the server answers clients. */
  readonly check: (settings: Settings) => readonly string[];
}

// All checks go over TCP: while their images set up an empty data folder, a temporary server answers on the Unix
// socket alone, and a check through it would let dependents in just before that server stops.

const postgres: Server = {
  version: "16",
  image: (version) => `postgres:${version}-alpine`,
  port: 5432,
  scheme: "postgres",
  user: "postgres",
  // From 18 on the image keeps one folder per major version below this one.
  dataFolder: (version) =>
    Number.parseInt(version, 10) >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data",
  env: ({ database, user, password }) => ({
    POSTGRES_DB: database,
    POSTGRES_USER: user,
    POSTGRES_PASSWORD: password,
  }),
  command: () => undefined,
  check: ({ user, database }) => ["pg_isready", "-q", "-h", "127.0.0.1", "-U", user, "-d", database],
};

// A query, because `mysqladmin ping` succeeds on "access denied" too. The password goes by environment, where other
// users of the machine do not see it, and only to the client: the image's own set-up would take MYSQL_PWD for its root.
function queryCheck(client: string, prefix: string): Server["check"] {
  return ({ user }) => {
    const password = user === "root" ? `${prefix}_ROOT_PASSWORD` : `${prefix}_PASSWORD`;
    const name = user === "root" ? "root" : `$${prefix}_USER`;
    return [
      "sh",
      "-c",
      `MYSQL_PWD="$${password}" ${client} -h 127.0.0.1 -u "${name}" -e "select 1" >/dev/null`,
    ];
  };
}

function mysqlEnv(prefix: string): Server["env"] {
  return ({ database, user, password }) => ({
    [`${prefix}_DATABASE`]: database,
    [`${prefix}_ROOT_PASSWORD`]: password,
    ...(user === "root" ? {} : { [`${prefix}_USER`]: user, [`${prefix}_PASSWORD`]: password }),
  });
}

const mysql: Server = {
  version: "8.4",
  image: (version) => `mysql:${version}`,
  port: 3306,
  scheme: "mysql",
  user: "root",
  dataFolder: () => "/var/lib/mysql",
  env: mysqlEnv("MYSQL"),
  command: () => undefined,
  check: queryCheck("mysql", "MYSQL"),
};

const mariadb: Server = {
  ...mysql,
  version: "11",
  image: (version) => `mariadb:${version}`,
  env: mysqlEnv("MARIADB"),
  check: queryCheck("mariadb", "MARIADB"),
};

// Redis 6 forgets its default save points as soon as it reads any configuration.
const redisSavePoints = "save 3600 1\nsave 300 100\nsave 60 10000";

const redis: Server = {
  version: "7",
  image: (version) => `redis:${version}-alpine`,
  port: 6379,
  scheme: "redis",
  user: undefined,
  dataFolder: () => "/data",
  env: ({ password }): Readonly<Record<string, string>> =>
    password === ""
      ? {}
      : {
          REDIS_PASSWORD: password,
          LASH_REDIS_CONFIG: `requirepass ${quoteRedis(password)}\n${redisSavePoints}`,
        },
  // The configuration comes on standard input, so that the password stands in no argument list. `exec` makes the server
  // process 1, which gets the stop signal; the image's entry point drops root when its first argument is redis-server.
  command: ({ password }) =>
    password === ""
      ? undefined
      : ["sh", "-c", "exec docker-entrypoint.sh redis-server - <<END\n$LASH_REDIS_CONFIG\nEND\n"],
  // redis-cli exits 0 on NOAUTH and LOADING too, so its answer is looked at.
  check: ({ password }) => [
    "sh",
    "-c",
    `${password === "" ? "" : 'REDISCLI_AUTH="$REDIS_PASSWORD" '}redis-cli -h 127.0.0.1 ping 2>/dev/null | grep -q PONG`,
  ],
};

function quoteRedis(text: string): string {
  const escaped = text.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `"${escaped}"`;
}

/** Every server Lash knows. */
export const servers: Readonly<Record<ManagedKind, Server>> = { postgres, mysql, mariadb, redis };
