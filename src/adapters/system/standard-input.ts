/** All of standard input. Throws `tooLarge` as soon as there is more than `limit` bytes of it. */
export async function readStandardInput(limit: number, tooLarge: () => Error): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin) {
    parts.push(part);
    length += part.length;
    if (length > limit) throw tooLarge();
  }
  return Buffer.concat(parts);
}
