export function reference(): Promise<string>;
export function architecture(): Promise<string>;
