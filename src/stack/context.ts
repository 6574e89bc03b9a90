import type { Clock } from "../async/clock.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { Engine } from "../engine/engine.ts";
import type { ContainerFacts, EngineInfo } from "../engine/facts.ts";
import { injectedEnv, outputsOf } from "../manifest/outputs.ts";
import type { Outputs, PortChoice, ResolvedResource, Resource, Stack, Viewpoint } from "../model/stack.ts";
import { RecoveryCounters } from "../recovery/counters.ts";
import type { RecoveryReport } from "../recovery/report.ts";
import { Board } from "./board.ts";
import type { Engines } from "./engines.ts";
import type { EventBus } from "./event-bus.ts";
import { createMask, type Mask } from "./mask.ts";
import type { StackIdentity } from "./names.ts";
import type { Seen } from "./observe.ts";
import { openWatcher, type Watcher } from "./watcher.ts";

/** What an engine has of a resource. */
export interface Running {
  readonly engine: Engine;
  readonly facts: ContainerFacts;
  /** How much had been heard of it when the facts were read; see watcher.ts. */
  readonly mark: number;
}

/** Facts that were read before anything listened: they have to be read again. */
export const unmarked = -1;

/** A resource that runs, or ran, as far as this process knows it. */
export interface Member {
  readonly resource: Resource;
  readonly resolved: ResolvedResource;
  /** Undefined for `external`. */
  readonly running: Running | undefined;
}

/** What Lash itself is given: no module reads the environment or the clock on its own. */
export interface StackSettings {
  readonly stack: Stack;
  /** The same manifest and variables with other host ports; absent where the ports are fixed. */
  readonly restack?: ((ports: PortChoice) => Stack) | undefined;
  readonly engines: Engines;
  readonly identity: StackIdentity;
  readonly clock: Clock;
  /** Stable generated password of a managed resource that declares none. */
  readonly generated: (resource: string) => string;
  /** Environment that native processes inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  /** Publish every declared host port on a free one instead, for stacks that must not meet others. */
  readonly freeHostPorts: boolean;
  /** Resources that the manifest declares and that are left out here, by their profiles for example: no orphans. */
  readonly declaredElsewhere?: ReadonlySet<string> | undefined;
  /** Engine actions (create, start) in flight at once; as many pulls and builds besides, which mostly wait. */
  readonly actionsInFlight?: number | undefined;
  /**
   * Does the work while no process of this machine holds a stack of that project, for what looks abandoned may be in the
   * making; false when one does. Absent where that cannot be known.
   */
  readonly whileUnheld?: ((project: string, work: () => Promise<void>) => Promise<boolean>) | undefined;
}

/** Engine actions in flight at once, unless the settings say otherwise. */
const defaultActionsInFlight = 16;
/** Exec probes in flight per engine: one takes 43 ms alone, eight at once 300 ms each. */
const execsInFlight = 2;

/** State of one open stack, shared by everything that works on it. */
export class StackContext {
  readonly settings: StackSettings;
  readonly bus: EventBus;
  readonly board = new Board();
  readonly members = new Map<string, Member>();
  readonly actions: Semaphore;
  /** Pulls and builds in flight at once: apart, so that slow ones do not hold up starts. */
  readonly fetches: Semaphore;
  /** Counts failures and repairs since the stack was opened. */
  readonly counters = new RecoveryCounters();
  /** Recoveries of the `up` under way, in order. */
  reports: RecoveryReport[] = [];
  /** Id of the stack's network, as soon as it is known. */
  networkId: string | undefined;
  /** What the last look at a stack that others work on showed. */
  seen: Seen | undefined;
  readonly #execPermits = new Map<Engine, Semaphore>();
  readonly #watchers = new Map<Engine, Watcher>();
  readonly #infos = new Map<Engine, EngineInfo>();
  readonly #secrets: Set<string>;
  #mask: Mask;
  #stack: Stack;

  constructor(settings: StackSettings, bus: EventBus) {
    this.settings = settings;
    this.#stack = settings.stack;
    this.actions = new Semaphore(settings.actionsInFlight ?? defaultActionsInFlight);
    this.fetches = new Semaphore(settings.actionsInFlight ?? defaultActionsInFlight);
    this.bus = bus;
    this.#secrets = new Set(settings.secrets);
    this.#mask = createMask(this.#secrets);
  }

  get stack(): Stack {
    return this.#stack;
  }

  /** Uses these host ports from now on. What was known of the resources is forgotten: they may have become others. */
  usePorts(ports: PortChoice): void {
    const { restack } = this.settings;
    if (restack === undefined) return;
    this.#stack = restack(ports);
    this.members.clear();
  }

  /** Masks every secret known so far. */
  readonly mask: Mask = (text) => this.#mask(text);

  learnSecrets(secrets: readonly string[]): void {
    if (secrets.every((secret) => this.#secrets.has(secret))) return;
    for (const secret of secrets) this.#secrets.add(secret);
    this.#mask = createMask(this.#secrets);
  }

  resource(name: string): Resource | undefined {
    return this.stack.resources.find((resource) => resource.name === name);
  }

  /** Whether the manifest declares it, in this stack or in a profile that is not active. */
  isDeclared(name: string): boolean {
    return this.resource(name) !== undefined || this.settings.declaredElsewhere?.has(name) === true;
  }

  execPermits(engine: Engine): Semaphore {
    const known = this.#execPermits.get(engine);
    if (known !== undefined) return known;
    const permits = new Semaphore(execsInFlight);
    this.#execPermits.set(engine, permits);
    return permits;
  }

  /** What the engine is; asked for once, for it does not change while the stack is open. */
  async infoOf(engine: Engine, signal: AbortSignal): Promise<EngineInfo> {
    const known = this.#infos.get(engine) ?? (await engine.info({ signal }));
    this.#infos.set(engine, known);
    return known;
  }

  /** The one watcher of this engine, opened on first use and closed with the stack. */
  watcher(engine: Engine): Watcher {
    const known = this.#watchers.get(engine);
    if (known !== undefined) return known;
    const watcher = openWatcher(engine, this.stack.project, this.settings.clock);
    watcher.listen({
      look: () => {},
      lost: (error) => this.bus.emit({ type: "engine_lost", error }),
      back: (afterMs) => this.bus.emit({ type: "engine_back", after_ms: afterMs }),
    });
    this.#watchers.set(engine, watcher);
    return watcher;
  }

  async closeWatchers(): Promise<void> {
    const watchers = [...this.#watchers.values()];
    this.#watchers.clear();
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
  }

  /** Outputs of a member as this viewpoint sees them, as far as they are known. */
  outputs(name: string, viewpoint: Viewpoint): Outputs {
    const member = this.members.get(name);
    if (member === undefined) return {};
    const facts = member.running?.facts;
    const known = outputsOf(member.resolved, facts?.ports, viewpoint);
    if (member.resource.kind !== "task" || facts?.exitCode === undefined) return known;
    return { ...known, exit_code: String(facts.exitCode) };
  }

  /** Address of a member to open from this machine, with its secrets masked. */
  shownUrl(name: string): string | undefined {
    const { url } = this.outputs(name, "host");
    return url === undefined ? undefined : this.mask(url);
  }

  /**
   * `LSH_*` variables of a resource, and which of them the engine chooses anew at each start. `open`: a dependency may
   * still come to have more, so this is not what the resource will be started with.
   */
  injected(resource: Resource): {
    readonly env: Record<string, string>;
    readonly volatile: ReadonlySet<string>;
    readonly open: boolean;
  } {
    const viewpoint = viewpointOf(resource);
    const env: Record<string, string> = {};
    const volatile = new Set<string>();
    let open = false;
    for (const { name, condition } of resource.dependsOn) {
      const member = this.members.get(name);
      if (member === undefined) {
        open = true;
        continue;
      }
      if (member.resource.kind === "task") {
        // Whoever waits for its completion starts after exit code 0; for others it has none yet.
        if (condition === "completed") Object.assign(env, injectedEnv(name, { exit_code: "0" }));
        continue;
      }
      const outputs = injectedEnv(name, this.outputs(name, viewpoint));
      const fixed = injectedEnv(name, outputsOf(member.resolved, undefined, viewpoint));
      Object.assign(env, outputs);
      for (const key of Object.keys(outputs)) if (!(key in fixed)) volatile.add(key);
      open ||= member.running === undefined && choosesPorts(member.resolved);
    }
    return { env, volatile, open };
  }
}

/** Whether the engine chooses a host port, which is an output, at each start. */
function choosesPorts({ work }: ResolvedResource): boolean {
  return work.type === "container" && (work.spec.ports ?? []).some(({ hostPort }) => hostPort === 0);
}

/** Where a resource reads others' outputs from. */
export function viewpointOf(resource: Resource): Viewpoint {
  return resource.kind === "process" ? "host" : "container";
}

/** Whether anything of the stack runs or is about to, as far as this process knows. */
export function isAnyRunning({ stack, board, members }: StackContext): boolean {
  return stack.resources.some(({ name, kind }) => {
    const { tag } = board.get(name);
    // Not chosen by this `up`, and not found running either.
    if (tag === "pending" && members.get(name)?.running === undefined) return false;
    return kind !== "external" && tag !== "failed" && tag !== "stopped" && tag !== "completed";
  });
}
