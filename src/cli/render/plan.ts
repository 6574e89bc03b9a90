import type { Plan } from "../../app/types.ts";
import type { Paint } from "./paint.ts";
import { pad, plain, textWidth } from "./text.ts";

/** A plan for people: number, action, target, what it waits for and why. */
export function planLines(plan: Plan, paint: Paint): readonly string[] {
  const actions = Math.max(0, ...plan.steps.map((step) => step.action.length));
  const targets = Math.min(48, Math.max(0, ...plan.steps.map((step) => textWidth(plain(step.target)))));
  const numbers = String(plan.steps.length).length + 1;
  return plan.steps.map((step) => {
    const number = `#${step.id}`.padStart(numbers);
    const after = [...step.needs.map((id) => `#${id}`), ...step.waits.map(plain)].join(", ");
    const why = `${plain(step.because)}${after === "" ? "" : `; after ${after}`}`;
    return `${number} ${pad(step.action, actions)}  ${pad(plain(step.target), targets)}  ${paint.as("dim", why)}`;
  });
}
