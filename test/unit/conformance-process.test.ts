import { processHarness, processLacks } from "../conformance/support/process.ts";
import { testConformance } from "../conformance/support/register.ts";

testConformance("process", processLacks, processHarness);
