import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { listProcesses, signalPid, waitFor } from "../bed/processes.ts";

const chromium = "/usr/bin/chromium";

/** A Chromium without a window. Every name below .example leads to 127.0.0.1, no other name anywhere. */
export interface Browser extends AsyncDisposable {
  /** Opens a page in a tab of its own; resolves once it has loaded. */
  open(url: string): Promise<Page>;
}

export interface Page {
  /** Runs JavaScript in the page, as if its user had just clicked; what it resolves with has to be JSON. */
  run(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts the browser of test/bed/prepare.sh; throws the reason where there is none. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(chromium)) throw new Error(`Cannot start a browser: ${whyMissing()}`);
  const folder = await mkdtemp(join(tmpdir(), "lash-browser-"));
  const child = spawn(chromium, [...flags(folder), "about:blank"], {
    // A group of its own, so that nothing of it outlives the test.
    detached: true,
    env: { PATH: process.env["PATH"], HOME: folder, XDG_RUNTIME_DIR: folder },
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  });
  const call = talk(child);
  return {
    async open(url) {
      const { targetId } = await call("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
      const inPage = (method: string, params: object = {}) => call(method, { ...params }, String(sessionId));
      const run = async (expression: string): Promise<unknown> => {
        const given = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
        const { result, exceptionDetails } = await inPage("Runtime.evaluate", given);
        if (exceptionDetails !== undefined)
          throw new Error(`the page failed: ${JSON.stringify(exceptionDetails)}`);
        return (result as { readonly value?: unknown }).value;
      };
      const { errorText } = await inPage("Page.navigate", { url });
      if (errorText !== undefined) throw new Error(`Cannot open ${url}: ${JSON.stringify(errorText)}`);
      // The document is the new one once the call has been answered.
      await run(
        'document.readyState === "complete" || new Promise((done) => addEventListener("load", done))',
      );
      return { run, close: async () => void (await call("Target.closeTarget", { targetId })) };
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      const late = setTimeout(() => child.kill("SIGKILL"), 3000);
      if (child.exitCode === null && child.signalCode === null) {
        call("Browser.close", {}).catch(() => undefined);
        await ended;
      }
      clearTimeout(late);
      const ofIt = () => listProcesses().filter(({ command }) => command.includes(folder));
      await waitFor(
        () => {
          const left = ofIt();
          for (const { pid } of left) signalPid(pid, "SIGKILL");
          return left.length === 0 ? true : undefined;
        },
        { timeoutMs: 5000, describe: () => `the browser does not end: ${JSON.stringify(ofIt())}` },
      );
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function whyMissing(): string {
  const cache =
    process.env["LASH_TEST_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lash-test-bed");
  const log = join(cache, "browser.log");
  const said = existsSync(log) ? `; its last try failed with: ${readFileSync(log, "utf8").trim()}` : "";
  return `there is no ${chromium}, which "bash test/bed/prepare.sh browser" installs${said}`;
}

function flags(folder: string): readonly string[] {
  return [
    "--headless=new",
    "--remote-debugging-pipe",
    `--user-data-dir=${folder}`,
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    // Root cannot have a sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-breakpad",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",
    // What only some browsers refuse by themselves, or turn into something else, is no merit of the server.
    "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
  ];
}

type Result = Readonly<Record<string, unknown>>;

/** The DevTools protocol over pipes 3 and 4: JSON texts, each ended by a NUL. */
function talk(child: ChildProcess): (method: string, params: object, sessionId?: string) => Promise<Result> {
  const [, , stderr, input, output] = child.stdio as [unknown, unknown, Readable, Writable, Readable];
  const waiting = new Map<number, PromiseWithResolvers<Result>>();
  let said = "";
  let rest = "";
  let last = 0;
  let isOver = false;
  const fail = (why: string): void => {
    isOver = true;
    for (const { reject } of waiting.values()) reject(new Error(`the browser ${why}: ${said}`));
    waiting.clear();
  };
  stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-2000);
  });
  input.on("error", () => undefined);
  child.once("error", (error) => fail(error.message));
  child.once("exit", () => fail("has ended"));
  output.setEncoding("utf8").on("data", (text: string) => {
    const messages = `${rest}${text}`.split("\0");
    rest = messages.pop() ?? "";
    for (const each of messages) {
      const { id, result, error } = JSON.parse(each) as { id?: number; result?: Result; error?: unknown };
      const call = waiting.get(id ?? 0);
      waiting.delete(id ?? 0);
      if (error === undefined) call?.resolve(result ?? {});
      else call?.reject(new Error(`the browser refused a call: ${JSON.stringify(error)}`));
    }
  });
  return async (method, params, sessionId) => {
    if (isOver) throw new Error(`the browser has ended: ${said}`);
    const id = ++last;
    const call = Promise.withResolvers<Result>();
    waiting.set(id, call);
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return await call.promise;
  };
}
