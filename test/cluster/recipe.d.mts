type Environment = Readonly<Record<string, string | undefined>>;

interface Binary {
  readonly name: 'kube-apiserver' | 'kube-controller-manager' | 'kubectl' | 'etcd' | 'kwok';
  readonly module: string;
  readonly package: string;
  readonly variable: string;
}

export declare const BINARIES: readonly Binary[];
export declare function moduleFolder(module: string): string;
export declare function kubernetesVersion(): string;
export declare function cacheFolder(goVersion: string, env?: Environment): string;
export declare function findCached(name: string, env?: Environment): string | undefined;
