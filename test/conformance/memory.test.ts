import { memoryHarness, memoryLacks } from "./support/memory.ts";
import { testConformance } from "./support/register.ts";

testConformance("memory", memoryLacks, async () => memoryHarness());
