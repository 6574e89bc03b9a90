// The public names of the package, one by one. Importing it has no side effects.

// A stack
export { type OpenStackOptions, openStack } from "./app/open-stack.ts";
export { type ReadOptions, type ReadStack, readStack } from "./app/read-stack.ts";
export { type Clock, systemClock } from "./async/clock.ts";
export { openDocker } from "./drivers/docker/docker.ts";
// Drivers
export { type FoundEngine, findEngine, type Tried } from "./drivers/docker/find.ts";
export type { EngineGreeting } from "./drivers/engine-api/client.ts";
export {
  type Endpoint,
  parseEndpoint,
  type TlsMaterial,
  unixEndpoint,
} from "./drivers/engine-api/endpoint.ts";
export type { OpenOptions } from "./drivers/engine-api/open.ts";
export type { ContainerFiles } from "./drivers/memory/files.ts";
export type { ImageInit } from "./drivers/memory/images.ts";
export type { JournalEntry, JournalFact } from "./drivers/memory/journal.ts";
// For tests
export {
  createMemoryEngine,
  type EngineMethod,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "./drivers/memory/memory-engine.ts";
export type {
  ContainerScript,
  RunContext,
  ScriptedExec,
  ScriptedLine,
  ScriptSource,
} from "./drivers/memory/script.ts";
export { openPodman } from "./drivers/podman/podman.ts";
export { openProcessEngine } from "./drivers/process/process-engine.ts";
export {
  type Behaviour,
  type CommandAction,
  type ConformanceCase,
  type ConformanceHarness,
  type Need,
  type PrintedLine,
  renderSkipped,
  skipReason,
} from "./engine/conformance/harness.ts";
export { engineConformance } from "./engine/conformance/suite.ts";
// The engine port
export type {
  BuildAbility,
  BuildOptions,
  CallOptions,
  Engine,
  ExecOptions,
  ExecSession,
  ImageAbility,
  LabelFilter,
  LogOptions,
  NetworkAbility,
  SnapshotAbility,
  StopOptions,
  VolumeAbility,
} from "./engine/engine.ts";
export type {
  ContainerFacts,
  ContainerState,
  EngineEvent,
  EngineInfo,
  ExitFacts,
  HealthState,
  ImageFacts,
  ImageProgress,
  LogEntry,
  NetworkFacts,
  VolumeFacts,
} from "./engine/facts.ts";
// Manifests
export { findManifest } from "./manifest/find.ts";
export { loadManifest } from "./manifest/load.ts";
export type { DeclaredResource, Manifest } from "./manifest/manifest.ts";
export { parseManifest } from "./manifest/parse.ts";
export type { Locate, Path, Position, Problem } from "./manifest/problem.ts";
export type { Variables } from "./manifest/variables.ts";
export type {
  ContainerSpec,
  EngineRestart,
  Healthcheck,
  Mount,
  PortMapping,
  Ulimit,
} from "./model/container-spec.ts";
// Errors
export { type ErrorCode, isLashError, LashError, type LashErrorOptions } from "./model/errors.ts";
export type { JsonObject, JsonValue } from "./model/json.ts";
export type {
  Condition,
  Dependency,
  Outputs,
  PortBundle,
  PortChoice,
  Resource,
  ResourceKind,
  Stack,
  VariableUse,
} from "./model/stack.ts";
export { version } from "./model/version.ts";
// Recovery
export type { RecoveryCounts } from "./recovery/counters.ts";
export type { Advice, Failure, FailureCode, FailureDetails, HostPort } from "./recovery/failure.ts";
export type { PortHolder } from "./recovery/port-holder.ts";
export type { Repair, RepairName } from "./recovery/repair.ts";
export type { RecoveryReport } from "./recovery/report.ts";
export type { StackEvent, StackEventBody } from "./stack/events.ts";
export type {
  DownOptions,
  DownResult,
  StackHandle,
  StackLogOptions,
  SuperviseEnd,
  UpOptions,
  UpResult,
} from "./stack/handle.ts";
export { type Plan, type PlanStep, renderPlan, type StepAction } from "./stack/plan.ts";
export type { ResourceStatus, ResourceView, StatusTag } from "./stack/status.ts";
export type { Holder } from "./state/lock.ts";
