/** Addresses of the parts of a workspace, from their offsets. */
export function placed<T extends Readonly<Record<string, number>>>(workspace: number, offsets: T): T {
  return Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, workspace + offset])) as T
}
