const MAX_BYTES = 255;

/** Why a text can be no tenant's id in a document, or undefined: what BSON or the associated data cannot hold. */
export function unstorableId(id: string): string | undefined {
  if (id === '') return 'is empty';
  if (id.includes('\0')) return 'holds a NUL';
  return id.isWellFormed() ? undefined : 'is not well-formed Unicode';
}

/** Why a tenant is not added under that id, or undefined: what would not survive a shell, a log or a URL. */
export function tenantIdFault(id: string): string | undefined {
  const fault = unstorableId(id);
  if (fault !== undefined) return fault;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(id)) return 'holds a control character';
  if (id !== id.trim()) return 'begins or ends with a space';
  return Buffer.byteLength(id) > MAX_BYTES ? `is longer than ${MAX_BYTES} bytes` : undefined;
}

/** An id as a message can quote it, whatever it is: on one line and not endless. */
export function showId(id: unknown): string {
  const text = typeof id === 'string' ? id : `(${typeof id}) ${textOf(id)}`;
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\uFFFD');
  return safe.length > MAX_BYTES ? `${safe.slice(0, MAX_BYTES)}…` : safe;
}

/** A document may have a field `toString`, which hides what would make text of it. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'that cannot be shown';
  }
}
