import type { DoctorReport, Explanation, StackHandle } from "../app/types.ts";
import type { JsonObject } from "../model/json.ts";
import type { Stack } from "../model/stack.ts";

/** Where a stack comes from, besides its manifest. */
export interface StackOptions {
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly envFile?: string | undefined;
  readonly secretsFile?: string | undefined;
  readonly project?: string | undefined;
  readonly profiles?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What this process is to others who want the stack: "up" is not taken over, "supervisor" is. */
  readonly role?: "up" | "supervisor" | undefined;
  readonly complete?: boolean | undefined;
}

type GraphFormat = "text" | "mermaid" | "dot";

/** What the commands ask of the composition root. A command loads of it only what it calls. */
export interface App {
  /** Path of the first manifest from `directory` upwards; throws `manifest-not-found`. */
  findManifest(directory: string): Promise<string>;
  /** Needs an engine where the stack has containers. */
  openStack(source: string, options: StackOptions): Promise<StackHandle>;
  /** Needs no engine. */
  readStack(source: string, options: StackOptions): Promise<{ readonly stack: Stack }>;
  /** Looks for what would stop an `up`; without a manifest at the machine and the engine alone. */
  runDoctor(
    options: StackOptions & {
      /** Undefined: the first found from `directory` upwards, if there is one. */
      readonly manifest: string | undefined;
      readonly directory: string;
      readonly signal: AbortSignal;
    },
  ): Promise<DoctorReport>;
  graphText(stack: Stack, format: GraphFormat): Promise<string>;
  configOf(stack: Stack): Promise<JsonObject>;
  /** Needs neither a manifest nor an engine. */
  explain(words: string): Promise<Explanation>;
  detachSupervisor(
    handle: StackHandle,
    options: { readonly argv: readonly string[] },
  ): Promise<{ readonly pid: number; readonly log: string }>;
  /** Runs until the signal. */
  serveServer(options: {
    readonly environment: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
    readonly host: string | undefined;
    readonly port: number | undefined;
    readonly data: string | undefined;
    readonly stacks: string | undefined;
    readonly name: string | undefined;
  }): Promise<void>;
  /** Runs until the signal. */
  serveRunner(options: {
    readonly environment: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
  }): Promise<void>;
}
