type Environment = Readonly<Record<string, string | undefined>>;

export declare const MODULE: string;
export declare const PATCHES: readonly { readonly file: string; readonly find: string; readonly put: string }[];
export declare function serverFile(env?: Environment): string;
export declare function haveServer(env?: Environment): boolean;
