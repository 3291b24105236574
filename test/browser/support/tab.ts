/** A browser that a test has started. */
export interface TestBrowser {
  open(url: string): Promise<Tab>;
  close(): Promise<void>;
}

/** What every browser can do; each method waits until it is done. */
export interface Tab {
  /** As a person does it who types the address. */
  goTo(url: string): Promise<void>;
  /** @param script the body of a function, whose result is JSON */
  run(script: string): Promise<unknown>;
  /** As a person does it, so that the page hears that it ends. */
  close(): Promise<void>;
}
