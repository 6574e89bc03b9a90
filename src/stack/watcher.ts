import { backoffMs } from "../async/backoff.ts";
import type { Clock } from "../async/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineEvent } from "../engine/facts.ts";
import { isLashError, messageOf } from "../model/errors.ts";
import { label } from "../model/labels.ts";

/** What a watcher tells. `look` with an id: that container changed; without: anything may have. */
export interface WatchListener {
  look(id: string | undefined, event: EngineEvent | undefined): void;
  lost?(error: string): void;
  back?(afterMs: number): void;
}

/** One event stream of an engine, kept open over cuts, shared by everybody who waits for something there. */
export interface Watcher extends AsyncDisposable {
  readonly engine: Engine;
  /** Resolves once the engine listens: what is read afterwards misses nothing. */
  readonly open: Promise<void>;
  listen(listener: WatchListener): () => void;
  /** How much has been heard by now; taken before a look, it tells later whether that look is still good. */
  mark(): number;
  /** Whether nothing was heard since this mark that could have changed the container. Never before it listens. */
  isFresh(id: string, mark: number): boolean;
}

const beginnings: ReadonlySet<string> = new Set(["create", "start", "rename", "update"]);

/** Whether an event can tell nothing new about a container that was seen running. */
export function isBeginning(event: EngineEvent): boolean {
  return beginnings.has(event.action);
}

/** Reopening pauses: quick at first, since most cuts are restarts; see connectivity for the server's own monitor. */
const reopen = { firstMs: 100, maximumMs: 5000 };

/**
 * Watches a project's containers on one engine. Level-based: a cut or an event only means "look again", so after each
 * reopening every listener is told to look at everything. The loop ends with disposal, which awaits it.
 */
export function openWatcher(engine: Engine, project: string, clock: Clock): Watcher {
  const life = new AbortController();
  const listeners = new Set<WatchListener>();
  const changedAt = new Map<string, number>();
  let heard = 0;
  let openedAt = 0;
  let opened = (): void => {};
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const tell = (call: (listener: WatchListener) => void): void => {
    for (const listener of [...listeners]) call(listener);
  };

  const loop = async (): Promise<void> => {
    let attempt = 0;
    let lostAt: number | undefined;
    while (!life.signal.aborted) {
      try {
        const onOpen = (): void => {
          attempt = 0;
          heard += 1;
          openedAt = heard;
          opened();
          if (lostAt !== undefined) {
            const afterMs = clock.now() - lostAt;
            lostAt = undefined;
            tell((listener) => listener.back?.(afterMs));
          }
          tell((listener) => listener.look(undefined, undefined));
        };
        const stream = engine.events({ [label.project]: project }, { signal: life.signal, onOpen });
        for await (const event of stream) {
          if (!isBeginning(event)) {
            heard += 1;
            changedAt.set(event.id, heard);
          }
          tell((listener) => listener.look(event.id, event));
        }
      } catch (error) {
        if (life.signal.aborted) return;
        if (lostAt === undefined && isLashError(error, "engine-unreachable")) {
          lostAt = clock.now();
          tell((listener) => listener.lost?.(messageOf(error)));
        }
      }
      // A stream that cannot be opened must not hold up a start for ever: the start's own calls will tell why.
      if (attempt > 0) opened();
      attempt += 1;
      await clock.sleep(backoffMs(attempt, reopen), { signal: life.signal }).catch(() => {});
    }
  };
  const running = loop();

  const listen = (listener: WatchListener): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    engine,
    open,
    listen,
    mark: () => heard,
    isFresh: (id, mark) => openedAt > 0 && openedAt <= mark && (changedAt.get(id) ?? 0) <= mark,
    async [Symbol.asyncDispose]() {
      life.abort(new Error("watcher closed"));
      opened();
      await running;
    },
  };
}
