// Has one order done in a container of the platform, and tells what it was answered on the way.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { PORT = "8410", PLATFORM_URL = "", ORDERS_URL = "" } = process.env;
const said = [];
const say = (line) => {
  if (said.at(-1) !== line) console.log(line);
  said.push(line);
};

const server = createServer((_request, response) => response.end(`${summary().join("\n")}\n`));
server.listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));

const order = await (await fetch(new URL("/next.txt", ORDERS_URL))).text();
const container = await untilDone("POST", "/api/containers", {
  image: "busybox:1",
  command: ["sleep", "60"],
});
say(`201 container ${container.state}`);
const done = await untilDone("POST", `/api/containers/${container.id}/exec`, {
  command: ["sh", "-c", order],
});
say(`200 ${done.stdout.trim()}`);
await untilDone("DELETE", `/api/containers/${container.id}?graceMs=0`);
say("204 container removed");

/** Asks again for as long as the answer is that the runner is not ready, when that answer says to. */
async function untilDone(method, path, body) {
  for (;;) {
    const response = await fetch(new URL(path, PLATFORM_URL), {
      method,
      headers: { "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const answer = response.status === 204 ? undefined : await response.json();
    if (response.ok) return answer;
    if (response.status !== 503) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
    say(`503 ${answer.error.message}`);
    await sleep(1000 * Number(response.headers.get("retry-after")));
  }
}

/** Each answer once, with how often it came. */
function summary() {
  return [...new Set(said)].map((line) => {
    const times = said.filter((each) => each === line).length;
    return times === 1 ? line : `${line} (${times} times)`;
  });
}
