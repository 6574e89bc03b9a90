import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, type Evidence } from "../../../src/recovery/classify.ts";
import type { FailureCode } from "../../../src/recovery/failure.ts";

describe("classify()", () => {
  const wrapper = "driver failed programming external connectivity on endpoint shop.web (6a1f): ";
  const oci = "failed to create shim task: OCI runtime create failed: runc create failed: ";

  test.each<[FailureCode, Evidence["during"], string]>([
    ["port-in-use", "start", `${wrapper}Bind for 0.0.0.0:8080 failed: port is already allocated`],
    [
      "port-in-use",
      "start",
      `${wrapper}Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use`,
    ],
    [
      "port-in-use",
      "start",
      `${wrapper}Error starting userland proxy: listen tcp6 [::]:8080: bind: address already in use`,
    ],
    [
      "port-in-use",
      "start",
      `failed to set up container networking: ${wrapper}failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use`,
    ],
    ["port-in-use", "start", `${wrapper}failed to bind host port 127.0.0.1:8080/tcp: address already in use`],
    [
      "port-in-use",
      "start",
      "cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use",
    ],
    [
      "port-privileged",
      "start",
      "rootlessport cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80'",
    ],
    ["port-privileged", "start", "listen tcp4 0.0.0.0:80: bind: permission denied"],
    [
      "host-address-missing",
      "start",
      `${wrapper}listen tcp4 10.9.9.9:80: bind: cannot assign requested address`,
    ],
    [
      "engine-network-broken",
      "start",
      `${wrapper}(iptables failed: iptables --wait -t nat: iptables: No chain/target/match by that name.)`,
    ],
    [
      "engine-network-broken",
      "start",
      "could not find bridge docker0: route ip+net: no such network interface",
    ],
    [
      "network-pool-exhausted",
      "create",
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
    ],
    ["network-pool-exhausted", "create", "all predefined address pools have been fully subnetted"],
    ["disk-full", "pull", "write /var/lib/docker/tmp/GetImageBlob123: no space left on device"],
    ["disk-full", "start", "mkdir /var/lib/docker/overlay2/x: no space left on device"],
    ["image-rate-limited", "pull", "toomanyrequests: You have reached your unauthenticated pull rate limit"],
    [
      "image-denied",
      "pull",
      "pull access denied for shop/api, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ],
    ["image-denied", "pull", "unauthorized: authentication required"],
    ["image-denied", "pull", 'Head "https://registry.test/v2/x/manifests/1": no basic auth credentials'],
    ["image-wrong-platform", "pull", "no matching manifest for linux/arm64/v8 in the manifest list entries"],
    [
      "image-wrong-platform",
      "create",
      "image with reference x:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
    ],
    ["image-not-found", "pull", "manifest for redis:99 not found: manifest unknown: manifest unknown"],
    [
      "image-not-found",
      "pull",
      'failed to resolve reference "registry.test/x:1": registry.test/x:1: not found',
    ],
    ["image-not-found", "pull", "name unknown: repository name not known to registry"],
    ["image-not-found", "create", "No such image: shop/api:1"],
    [
      "registry-tls",
      "pull",
      'Get "https://registry.test/v2/": x509: certificate signed by unknown authority',
    ],
    [
      "registry-tls",
      "pull",
      'Get "https://registry.test/v2/": http: server gave HTTP response to HTTPS client',
    ],
    [
      "registry-unreachable",
      "pull",
      'Get "https://registry.test/v2/": dial tcp: lookup registry.test on 127.0.0.11:53: no such host',
    ],
    [
      "registry-unreachable",
      "pull",
      'Get "https://registry.test/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
    ],
    [
      "registry-unreachable",
      "pull",
      "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
    ],
    ["registry-unreachable", "build", 'Get "https://registry.test/v2/": net/http: TLS handshake timeout'],
    [
      "mount-source-missing",
      "create",
      'invalid mount config for type "bind": bind source path does not exist: /data',
    ],
    ["mount-source-missing", "create", "statfs /data: no such file or directory"],
    ["mount-denied", "start", "Mounts denied: The path /data is not shared from the host"],
    [
      "mount-type-mismatch",
      "start",
      `${oci}unable to start container process: error during container init: error mounting "/a" to rootfs at "/b": not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)?`,
    ],
    [
      "exec-format",
      "start",
      `${oci}unable to start container process: exec: "/app": exec format error: unknown`,
    ],
    [
      "bad-entrypoint",
      "start",
      `${oci}unable to start container process: exec: "nope": executable file not found in $PATH: unknown`,
    ],
    [
      "bad-entrypoint",
      "start",
      `${oci}unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown`,
    ],
    [
      "bad-entrypoint",
      "start",
      'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/nope": stat /nope: no such file or directory: unknown',
    ],
    [
      "bad-entrypoint",
      "start",
      "crun: executable file `nope` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
    ],
    [
      "rlimit-not-permitted",
      "start",
      `${oci}unable to start container process: error setting rlimit type 7: operation not permitted`,
    ],
    // Nothing known.
    ["start-failed", "start", "something else"],
    ["start-failed", "create", ""],
    ["build-failed", "build", "The command '/bin/sh -c make' returned a non-zero code: 2"],
    ["crashed", "run", ""],
    ["stop-failed", "stop", "cannot stop"],
    ["not-ready-in-time", "readiness", ""],
    ["pull-failed", "pull", "something else"],
    // Look-alikes: the words are there, the cause is another.
    [
      "port-binding-failed",
      "start",
      "driver failed programming external connectivity on endpoint shop.web (6a1f): something else",
    ],
    ["crashed", "run", "listen tcp 0.0.0.0:8080: bind: address already in use"],
    [
      "build-failed",
      "build",
      "The command '/bin/sh -c ./test' returned a non-zero code: 1: listen tcp :80: bind: address already in use",
    ],
    ["start-failed", "start", "connection refused by the plugin"],
    ["start-failed", "start", "address already in use"],
    ["crashed", "run", "executable missing"],
  ])("%s, during %s: %s", (code, during, text) => {
    expect(classify({ subject: "web", during, text }).code).toBe(code);
  });

  test("a refusal to pull with status 404 is an image that is not there", () => {
    expect(classify({ subject: "web", during: "pull", text: "something else", status: 404 }).code).toBe(
      "image-not-found",
    );
  });

  test("what the program itself wrote is no evidence", () => {
    const logTail = [
      "listen tcp :80: bind: address already in use",
      "no space left on device",
      "exec format error",
    ];
    expect(classify({ subject: "web", during: "run", text: "", exitCode: 1, logTail })).toMatchObject({
      code: "crashed",
      exitCode: 1,
      logTail,
    });
  });

  test("only the kernel's word makes it a memory shortage", () => {
    expect(classify({ subject: "web", during: "run", text: "", exitCode: 137 }).code).toBe("crashed");
    expect(classify({ subject: "web", during: "run", text: "", exitCode: 137, oomKilled: true }).code).toBe(
      "out-of-memory",
    );
  });

  test("never throws, names its subject, and keeps the engine's words", () => {
    const during = fc.constantFrom<Evidence["during"]>(
      "pull",
      "build",
      "create",
      "start",
      "readiness",
      "run",
      "stop",
    );
    fc.assert(
      fc.property(during, fc.string(), fc.option(fc.nat(599), { nil: undefined }), (when, text, status) => {
        const failure = classify({ subject: "web", during: when, text, status });
        expect(failure.subject).toBe("web");
        expect(failure.message).toContain('"web"');
        expect(failure.evidence).toBe(text);
      }),
    );
  });
});
