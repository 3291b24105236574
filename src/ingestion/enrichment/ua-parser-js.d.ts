/** The part of ua-parser-js 1.x that is used here; the package brings no types. */
declare module 'ua-parser-js' {
  interface Named {
    readonly name: string | undefined;
    readonly version: string | undefined;
  }
  export class UAParser {
    constructor(userAgent: string);
    getBrowser(): Named;
    getOS(): Named;
    /** `type` is undefined for what is no phone, tablet, console, TV, wearable or embedded device. */
    getDevice(): { readonly type: string | undefined };
  }
}
