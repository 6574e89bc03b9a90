// Answers 503 until it has "loaded" for a second, then greets.
import { createServer } from "node:http";

const { PORT = "8401", NAME = "world" } = process.env;
let loaded = false;
setTimeout(() => {
  loaded = true;
  console.log("loaded");
}, 1000);

const server = createServer((request, response) => {
  if (!loaded) response.writeHead(503).end("still loading\n");
  else if (request.url === "/ready") response.end("ready\n");
  else response.end(`Hello, ${NAME}!\n`);
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${PORT}`));

process.once("SIGTERM", () => {
  console.log("ending");
  server.close();
  server.closeAllConnections();
});
