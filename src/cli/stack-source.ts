import { isAbsolute, join } from "node:path";
import type { DoctorReport, StackHandle } from "../app/types.ts";
import type { Stack } from "../model/stack.ts";
import type { StackOptions } from "./app.ts";
import type { Context } from "./context.ts";

/** The stack that the global options and the working directory name, bound to its engines. Dispose it. */
export async function openNamedStack(
  context: Context,
  { role, complete }: Pick<StackOptions, "role" | "complete"> = {},
): Promise<StackHandle> {
  const { app, signal } = context;
  return await app.openStack(await manifestOf(context), { ...stackOptions(context), signal, role, complete });
}

/** The same without an engine. */
export async function readNamedStack(context: Context): Promise<Stack> {
  const { stack } = await context.app.readStack(await manifestOf(context), stackOptions(context));
  return stack;
}

/** The same for `lash doctor`, which does without a manifest where none is named and none is found. */
export async function diagnoseNamedStack(context: Context): Promise<DoctorReport> {
  const { app, globals, io, signal } = context;
  const manifest = globals.file === undefined ? undefined : absolute(globals.file, io.cwd);
  return await app.runDoctor({ ...stackOptions(context), manifest, directory: io.cwd, signal });
}

/** Absolute path of the manifest in question. */
async function manifestOf({ app, globals, io }: Context): Promise<string> {
  return globals.file === undefined ? app.findManifest(io.cwd) : absolute(globals.file, io.cwd);
}

function stackOptions({ globals, io }: Context): StackOptions {
  return {
    environment: io.env,
    envFile: globals.envFile === undefined ? undefined : absolute(globals.envFile, io.cwd),
    secretsFile: globals.secretsFile === undefined ? undefined : absolute(globals.secretsFile, io.cwd),
    project: globals.project,
    profiles: globals.profiles,
  };
}

function absolute(path: string, cwd: string): string {
  return isAbsolute(path) ? path : join(cwd, path);
}
