/** A manifest of many resources, small enough each that 10 000 stay below the limit of 1 MiB. */
export function renderLarge(count: number): string {
  const lines = ["project: { name: large }", "resources:"];
  for (let index = 0; index < count; index += 1) {
    lines.push(`  r${index}:`, "    container:", "      image: app:1", "      ports: [8080]");
    const earlier = Math.floor(index / 2);
    if (index === 0) continue;
    lines.push(
      index % 2 === 0
        ? `      depends_on: [r${earlier}]`
        : `      env: { A: "\${resources.r${earlier}.port}" }`,
    );
  }
  return `${lines.join("\n")}\n`;
}
