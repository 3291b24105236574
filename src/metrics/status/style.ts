/** The page's only style; its hash is in the policy that the page is served with. */
export const STYLE = `
:root { color-scheme: light dark; --bg: #fff; --text: #1c2128; --dim: #57606a; --line: #d0d7de;
  --good: #116329; --good-bg: #dafbe1; --warning: #7d4e00; --warning-bg: #fff8c5; --bad: #a40e26; --bad-bg: #ffebe9; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --bg: #0d1117; --text: #e6edf3; --dim: #9198a1; --line: #30363d;
  --good: #7ee787; --good-bg: #10281a; --warning: #f2cc60; --warning-bg: #2e2509; --bad: #ffa198; --bad-bg: #3a1517; --link: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem; background: var(--bg); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
.dim { color: var(--dim); }
.verdict { border-left: .4rem solid; border-radius: .25rem; padding: .5rem 1rem; margin: 1rem 0; font-size: 1.15rem; }
.verdict h2 { font-size: 1rem; font-weight: normal; margin: 0; color: var(--text); }
.verdict p { margin: 0; color: var(--text); }
.good { color: var(--good); } .warning { color: var(--warning); } .bad { color: var(--bad); }
.verdict.good { background: var(--good-bg); } .verdict.warning { background: var(--warning-bg); } .verdict.bad { background: var(--bad-bg); }
.verdict strong { font-size: 1.5rem; }
.good strong { color: var(--good); } .warning strong { color: var(--warning); } .bad strong { color: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:last-child { white-space: normal; overflow-wrap: anywhere; }
th { font-weight: normal; color: var(--dim); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
meter { width: 100%; height: 1.25rem; }
nav { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin: 2rem 0 1rem; }
code { font: .9em ui-monospace, monospace; }
@media (max-width: 45rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td, td.number { display: grid; grid-template-columns: 7.5rem 1fr; text-align: left; white-space: normal; overflow-wrap: anywhere; padding: .1rem 0; border: 0; }
  td::before { content: attr(data-label); color: var(--dim); }
  td:first-child { font-weight: bold; }
  td:empty { display: none; }
}
`;
