// Types of the layers below that the command line and the server work with; they import nothing deeper than this.

export type { LogRecord } from "../connectivity/log.ts";
export type { Containers } from "../containers/containers.ts";
export type { ContainerRecord } from "../containers/record.ts";
export type { ExecSession } from "../engine/engine.ts";
export type { LogEntry } from "../engine/facts.ts";
export type { Failure, FailureCode } from "../recovery/failure.ts";
export type { PortHolder } from "../recovery/port-holder.ts";
export type { Repair } from "../recovery/repair.ts";
export type { RecoveryReport } from "../recovery/report.ts";
export type { StackEvent } from "../stack/events.ts";
export type {
  StackHandle,
  SuperviseEnd,
  UpOptions,
  UpResult,
} from "../stack/handle.ts";
export type { Plan } from "../stack/plan.ts";
export type { ResourceView, StatusTag } from "../stack/status.ts";
export type { Check, DoctorReport } from "./doctor-report.ts";
export type { Explanation, FailurePage } from "./explain.ts";
export type {
  DependencyMeasures,
  ServerDependency,
  ServerHooks,
  ServerPort,
  StackDetails,
  StackNews,
  StackOperation,
  StackResource,
  StackSummary,
} from "./server-port.ts";
