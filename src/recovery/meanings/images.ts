import { type Meaning, onlyReports } from "./meaning.ts";

export const imageMeanings = {
  "image-not-found": {
    title: "The registry has no such image",
    means: "The repository exists, or its name is allowed, but nothing has this tag or digest.",
    recognised:
      "`manifest unknown`, `manifest for <image> not found`, `name unknown`, `No such image`, `failed to resolve reference ...: not found`, or status 404 for a pull.",
    does: onlyReports,
    never: "Uses another tag.",
    youCan: "Check the name and the tag. `docker manifest inspect <image>` asks the registry.",
  },
  "image-denied": {
    title: "The registry refuses the image",
    means: "The image needs a login, or the repository does not exist: registries answer both alike.",
    recognised:
      "`pull access denied`, `requested access to the resource is denied`, `unauthorized: authentication required`, `no basic auth credentials`.",
    does: onlyReports,
    never: "Logs in, or asks for credentials.",
    youCan:
      "Check the name, then log in with `docker login <registry>`. Lash reads the credentials from there.",
  },
  "image-rate-limited": {
    title: "The registry asks to slow down",
    means: "Too many pulls from this address or account in the registry's period.",
    recognised: "`toomanyrequests`, `429 Too Many Requests`, `You have reached your pull rate limit`.",
    does: "`use-local-image`: if the same reference is on the engine already, it is used and that is said. Else `pull-again`: once, if the registry names a wait of at most 15 s.",
    never: "Switches to a mirror or another registry, or tries more than once.",
    youCan: "Log in: accounts have a higher limit. Or wait, or pull from a mirror of your own.",
  },
  "image-wrong-platform": {
    title: "The image is for another platform",
    means:
      "There is no image for the engine's operating system and processor, or the local one is for another.",
    recognised:
      "`no matching manifest for <platform>`, `no match for platform in manifest`, `does not match the specified platform`, or the warning that the platform `does not match the detected host platform`.",
    does: onlyReports,
    never: "Forces a platform or installs emulation.",
    youCan:
      "Use an image for this platform, or set `platform` and install emulation (binfmt) on the engine's host.",
  },
  "registry-unreachable": {
    title: "The registry cannot be reached",
    means: "Resolving its name, the route, the connection or the transfer failed.",
    recognised:
      "While an image is fetched: `TLS handshake timeout`, `i/o timeout`, `context deadline exceeded`, `connection reset by peer`, `unexpected EOF` (these may pass), or `lookup <host>: ...`, `network is unreachable`, `connection refused` (these stay). A pull that fails for a reason that is in no list has this code too.",
    does: "`use-local-image`: if the same reference is on the engine already, it is used and that is said. Else `pull-again`: once, after a pause, and only for time-outs, resets and cuts.",
    never: "Changes name servers, proxies or the engine's settings, or tries more than once.",
    youCan: "Check network, name resolution and proxy of the engine's host; it is the engine that pulls.",
  },
  "registry-tls": {
    title: "The registry's certificate or the proxy is in the way",
    means:
      "The connection is not trusted or not what was expected: an unknown authority, no TLS at all, or a proxy that refuses.",
    recognised:
      "`x509: ...`, `http: server gave HTTP response to HTTPS client`, `first record does not look like a TLS handshake`, `proxyconnect tcp: ...`, `407 Proxy Authentication Required`.",
    does: onlyReports,
    never: "Turns verification off, or adds an insecure registry.",
    youCan:
      "Give the engine the authority's certificate (`/etc/docker/certs.d/<registry>/ca.crt`), or correct its proxy settings.",
  },
  "pull-failed": {
    title: "The image could not be pulled, why is not known",
    means: "The engine refused the pull with words that Lash does not know.",
    recognised: "By what was being done; the words match nothing else here.",
    does: "Nothing. The engine's words are shown whole.",
    never: "Uses another image, or the local one without a known reason.",
    youCan: "Pull the image by hand, and read the engine's log.",
  },
  "build-failed": {
    title: "The image could not be built",
    means: "A step of the Dockerfile failed, or the Dockerfile cannot be read.",
    recognised:
      "The engine refuses the build for a reason that is not a registry's, a full disk or a platform; `did not complete successfully: exit code`, `returned a non-zero code`.",
    does: "Shows the end of the build's output. It makes no change.",
    never: "Builds again, without cache or with another builder.",
    youCan: "Read the step that failed and build it by hand with `docker build`.",
  },
} as const satisfies Readonly<Record<string, Meaning>>;
