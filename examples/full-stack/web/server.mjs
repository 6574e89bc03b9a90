// A page over the api. Needs nothing but Node.
import { createServer } from "node:http";

const { PORT = "8404", API_URL = "" } = process.env;

const server = createServer(async (_request, response) => {
  try {
    const answer = await fetch(API_URL);
    response.writeHead(answer.ok ? 200 : 502, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><title>shop</title><pre>${await answer.text()}</pre>\n`);
  } catch (error) {
    response.writeHead(502).end(`${API_URL}: ${error.message}\n`);
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${PORT}, the api is ${API_URL}`));

process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
