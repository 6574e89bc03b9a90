// Asks the greeter once at its start, which only works because it is started after the greeter is ready.
import { createServer } from "node:http";

const { PORT = "8402", GREETER_URL = "" } = process.env;
const answer = await fetch(GREETER_URL);
if (!answer.ok) throw new Error(`${GREETER_URL} answered ${answer.status}`);
const greeting = (await answer.text()).trim();
console.log(`the greeter says: ${greeting}`);

const server = createServer((_request, response) => {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(`<!doctype html><title>hello</title><p>${greeting}</p>\n`);
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${PORT}`));

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
