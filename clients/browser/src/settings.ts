/** A `data-` attribute can only say text: `data-auto="false"` is `auto: false`. */
type Switch = boolean | 'true' | 'false' | '';

/** What a page says to `init`, or as `data-` attributes of the script tag. */
export interface Options {
  /** Where events are posted. Without it: `window.GO_TRACK_URL`, else `collect` beside the script. */
  endpoint?: string;
  /** One of the collector's INGEST_API_KEYS. It is public: it can be read in the page. */
  key?: string;
  /** Page views, on load and on navigation; on, unless it is said to be off. */
  auto?: Switch;
  /** The fragment names the page, as in `/#/cart`. */
  hash?: Switch;
  /** `required`: nothing is stored or sent before `gotrack('consent', 'granted')`. */
  consent?: 'required' | (string & {});
  /** `none`: nothing is stored on the device. */
  storage?: 'none' | (string & {});
  /** The collector wants signatures: load its `hmac.js`, and sign. */
  hmac?: Switch;
  /** The address of the script, which the collector's other addresses stand beside. */
  base?: string | undefined;
  /** Of the Content-Security-Policy, for `hmac.js`. */
  nonce?: string | undefined;
}

/**
 * There is one client a page, so its modules keep their state in variables of their own: that is what makes the files
 * small. These are the options as they are now; `init` may change them.
 */
export const settings: Options = {};

export function isOn(value: Switch | undefined, otherwise = false): boolean {
  return value === undefined ? otherwise : String(value) !== 'false';
}
