import { memoryHarness, memoryLacks } from "../conformance/support/memory.ts";
import { testConformance } from "../conformance/support/register.ts";
import { behindRunner } from "../conformance/support/runner.ts";

testConformance("runner over memory", memoryLacks, () => behindRunner(memoryHarness()));
