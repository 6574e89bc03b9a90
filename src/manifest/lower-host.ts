import { resolve } from "node:path";
import { parsePort } from "../model/port-mapping.ts";
import type { ResolvedResource } from "../model/stack.ts";
import type { Fields } from "./fields.ts";
import { readCommon } from "./lower-common.ts";
import { readEnv } from "./lower-container.ts";
import type { LowerInput } from "./lower-input.ts";

/** A native process of this machine. */
export function lowerProcess(input: LowerInput, fields: Fields): ResolvedResource {
  const { name, kind, directory } = input;
  const command = fields.list("command") ?? [];
  if ((command[0] ?? "").trim() === "") fields.wrong("command", "a program to run");
  if (fields.has("healthcheck"))
    fields.wrong("healthcheck", "`ready` instead: a process has no healthcheck", "healthcheck");
  const port = fields.grammar("port", (text) => parsePort(text, 1));
  return {
    name,
    kind,
    work: {
      type: "process",
      command,
      env: readEnv(fields),
      workingDir: resolve(directory, fields.text("working_dir") ?? "."),
      port,
      stopSignal: fields.filled("stop_signal") ?? "SIGTERM",
    },
    ...readCommon(fields, kind, { ready: { type: "running" }, healthcheck: undefined, port }),
    exposed: {
      ports: port === undefined ? [] : [port],
      url:
        port === undefined ? undefined : { scheme: "http", user: undefined, password: undefined, path: "" },
      values: {},
    },
    secrets: Object.values(fields.map("secrets")),
  };
}

/** Something that already runs. Host and port that are not given come from the URL. */
export function lowerExternal(input: LowerInput, fields: Fields): ResolvedResource {
  const { name, kind } = input;
  if (fields.has("healthcheck"))
    fields.wrong("healthcheck", "`ready` instead: nothing is run here", "healthcheck");
  const text = fields.text("url");
  const url = text === undefined ? undefined : URL.parse(text);
  if (url === null) fields.wrong("url", "a URL such as https://api.example:8443/v1");
  const fromUrl = url === undefined || url === null ? "" : url.hostname.replaceAll(/^\[|\]$/g, "");
  const host = fields.filled("host") ?? (fromUrl === "" ? undefined : fromUrl);
  const urlPort = url === undefined || url === null || url.port === "" ? undefined : Number(url.port);
  const port = fields.grammar("port", (text) => parsePort(text, 1)) ?? urlPort;
  if (host === undefined && !fields.has("url")) fields.wrong([], "`host` or `url`", "neither");
  return {
    name,
    kind,
    work: { type: "external", host: host ?? "localhost", port },
    ...readCommon(fields, kind, { ready: { type: "running" }, healthcheck: undefined, port }),
    exposed: {
      ports: port === undefined ? [] : [port],
      url: undefined,
      values: {
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port: String(port) }),
        ...(text === undefined ? {} : { url: text }),
      },
    },
    secrets: url?.password === undefined || url.password === "" ? [] : [decode(url.password)],
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
