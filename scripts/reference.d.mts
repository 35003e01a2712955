export function reference(): Promise<string>;
