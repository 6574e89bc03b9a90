import { pino } from "pino";
import type { LogRecord } from "../app/types.ts";
import type { LogLevel } from "./settings.ts";

/** Where lines go; a stream in tests. */
export interface LogDestination {
  write(line: string): void;
}

/** A change that was asked for, and what became of it. */
export interface AuditRecord {
  readonly requestId: string;
  /** "token", "loopback", or "nobody" for who was not let in. */
  readonly by: string;
  readonly address: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: "done" | "refused" | "failed";
  readonly status: number;
  readonly code: string | undefined;
}

/** What the server says of itself: one JSON object a line. Never headers, queries, bodies or variables. */
export interface ServerLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  fault(message: string, error: unknown): void;
  dependency(record: LogRecord): void;
  audit(record: AuditRecord): void;
}

export function openLog(level: LogLevel, destination: LogDestination): ServerLog {
  const logger = pino(
    {
      level,
      base: { app: "lash-server" },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
      errorKey: "error",
    },
    destination,
  );
  return {
    info: (message, fields = {}) => logger.info(fields, message),
    debug: (message, fields = {}) => logger.debug(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    fault: (message, error) => logger.error({ error }, message),
    dependency({ level: severity, message, ...fields }) {
      logger[severity](fields, message);
    },
    audit: (record) => logger.info({ type: "audit", ...record }, `${record.action} ${record.target}`),
  };
}
