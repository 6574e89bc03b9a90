/** Path of a container. */
export function containerPath(container: string): string {
  return `/v1/containers/${encodeURIComponent(container)}`;
}

/** Label conditions as a query. */
export function labelQuery(filter: Readonly<Record<string, string>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filter)) query.append("label", `${key}=${value}`);
  return query;
}
