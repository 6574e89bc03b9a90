import { graphs } from "./graphs.ts";
import { kill } from "./kill.ts";
import { memoryGraphs } from "./memory-graphs.ts";
import { readOptions, type SuiteName, usage } from "./options.ts";
import { outages } from "./outages.ts";
import { createRandom } from "./random.ts";
import { requests } from "./requests.ts";
import { signals } from "./signals.ts";
import type { OpenSuite, Suite } from "./suite.ts";

const suites: Readonly<Record<SuiteName, Suite>> = {
  kill,
  signals,
  graphs,
  "memory-graphs": memoryGraphs,
  outages,
  requests,
};

const options = readOptions(process.argv.slice(2));
if (options.help) console.log(usage);
else for (const name of options.suites) await runSuite(name, suites[name]);

async function runSuite(name: SuiteName, suite: Suite): Promise<void> {
  const runs = options.runs ?? suite.runs;
  console.log(`${name}: ${runs} runs, seed ${options.seed}`);
  const startedAt = performance.now();
  const failed: number[] = [];
  await using open = await suite.open();
  for (let index = 0; index < runs; index += 1) {
    const seed = (options.seed + index) >>> 0;
    try {
      const did = await bounded(suite, open, seed);
      console.log(`  ok     ${name} ${index + 1}/${runs} seed ${seed}: ${did}`);
    } catch (error) {
      failed.push(seed);
      const words = wordsOf(error).replaceAll("\n", "\n         ");
      console.log(`  FAILED ${name} ${index + 1}/${runs} seed ${seed}: ${words}`);
      console.log(`         again: npm run fault -- ${name} --seed ${seed} --runs 1`);
    }
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${name}: ${runs - failed.length} of ${runs} ok, ${failed.length} failed, ${seconds} s, seed ${options.seed}`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

async function bounded(suite: Suite, open: OpenSuite, seed: number): Promise<string> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no end after ${suite.timeoutMs} ms`)),
    suite.timeoutMs,
  );
  const note = (text: string): void => console.log(`         ${text}`);
  try {
    return await Promise.race([open.run({ seed, random: createRandom(seed), note }), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** With the cause: a property's own message tells only its counter-example. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${wordsOf(error.cause)}`;
}
