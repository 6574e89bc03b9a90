import { processHarness, processLacks } from "./support/process.ts";
import { testConformance } from "./support/register.ts";

testConformance("process", processLacks, processHarness);
