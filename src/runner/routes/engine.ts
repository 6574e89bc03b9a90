import { type Route, route } from "../route.ts";

/** The engine itself. */
export const engineRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/info",
    async handle({ signal }, { engine }) {
      return { status: 200, json: await engine.info({ signal }) };
    },
  }),
];
