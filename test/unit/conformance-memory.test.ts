import { memoryHarness, memoryLacks } from "../conformance/support/memory.ts";
import { testConformance } from "../conformance/support/register.ts";

testConformance("memory", memoryLacks, async () => memoryHarness());
