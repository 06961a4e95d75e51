/** Where an export is put: a folder, or a bucket. A path has parts with `/` between; what stands there is whole, or is not there. */
export interface Destination {
  /** Puts a local file there, in place of what was there before; the file may be moved away. */
  put(path: string, file: string): Promise<void>;
  /** What stands there as text; undefined where nothing does. */
  get(path: string): Promise<string | undefined>;
  /** Paths of all that stands there, in any order. */
  list(): Promise<string[]>;
  /** Takes away what stands there; nothing where nothing does. */
  remove(path: string): Promise<void>;
  /** A local folder for files that are being written. */
  readonly workFolder: string;
}
