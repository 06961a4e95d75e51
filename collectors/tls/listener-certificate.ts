import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import { messageOf } from '../../gateway/errors.ts';
import { readTlsFiles, type TlsFiles, versionOf } from './pem-files.ts';
import { MIN_TLS_VERSION } from './tls-config.ts';

/** How often files are looked at, milliseconds. */
const LOOK_MS = 2000;

/** The certificate of a port, which follows its files: a new one serves the connections that come after it. */
export class ListenerCertificate {
  readonly #files: TlsFiles;
  readonly #onFault: (problem: string) => void;
  #version = '';
  #look: NodeJS.Timeout | undefined;

  /** @param onFault told when new files cannot be used, and the old certificate stays */
  constructor(files: TlsFiles, onFault: (problem: string) => void) {
    this.#files = files;
    this.#onFault = onFault;
  }

  /**
   * For a server of `tls` or `https`.
   * @throws CaissonError `tls-unusable`
   */
  read(): SecureContextOptions {
    this.#version = versionOf(this.#files);
    return { ...readTlsFiles(this.#files, Date.now()), minVersion: MIN_TLS_VERSION };
  }

  /** Looks after the files until {@link stop}. */
  follow(server: Pick<Server, 'setSecureContext'>): void {
    clearInterval(this.#look);
    this.#look = setInterval(() => {
      if (versionOf(this.#files) === this.#version) return;
      try {
        const material = this.read();
        // Tells what is wrong before the server takes it.
        createSecureContext(material);
        server.setSecureContext(material);
      } catch (error) {
        this.#onFault(messageOf(error));
      }
    }, LOOK_MS);
    this.#look.unref();
  }

  stop(): void {
    clearInterval(this.#look);
  }
}
