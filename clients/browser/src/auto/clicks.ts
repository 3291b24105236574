import { attempt } from '../attempt.js';
import type { Say } from './say.js';

/** File names that end like this are downloads. */
const DOWNLOAD =
  /\.(7z|apk|avi|csv|dmg|docx?|epub|exe|gz|iso|key|mov|mp[34]|msi|ods|odt|pdf|pkg|pptx?|rar|rtf|tar|txt|wav|webm|wmv|xlsx?|zip)$/i;

/** Clicks on links to other sites (`outbound_link`) and to files (`download`), with any button that opens them. */
export function followClicks(say: Say): void {
  const clicked = (event: MouseEvent): void => {
    const link = (event.composedPath() as Element[]).find(isLink);
    if (link && event.button < 2) {
      const found = linkEvent(link);
      if (found) {
        say(found, { url: link.origin + link.pathname });
      }
    }
  };
  for (const name of ['click', 'auxclick'] as const) {
    addEventListener(name, (event) => attempt(() => clicked(event)), true);
  }
}

/** The query may hold what is private, and is left out. */
export function linkEvent(
  link: Pick<HTMLAnchorElement, 'protocol' | 'host' | 'pathname' | 'hasAttribute'>,
): string | undefined {
  if (!/^https?:$/.test(link.protocol)) {
    return undefined;
  }
  if (link.hasAttribute('download') || DOWNLOAD.test(link.pathname)) {
    return 'download';
  }
  return link.host === location.host ? undefined : 'outbound_link';
}

function isLink(target: Element): target is HTMLAnchorElement {
  return target.tagName === 'A' && !!(target as HTMLAnchorElement).href;
}
