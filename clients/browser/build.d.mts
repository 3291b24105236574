export interface AssetFile {
  readonly name: string;
  readonly entry: string;
  readonly format: 'iife' | 'esm';
  /** After terser and gzip -9. */
  readonly maxBytes: number;
}

export const ASSET_FILES: readonly AssetFile[];
export const SHORTENED: RegExp;
export function bundle(file: AssetFile): Promise<string>;
export function compressedBytes(code: string): number;
