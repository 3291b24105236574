import { describe, expect, it } from 'vitest';
import { html, Html } from './html.js';

describe('html', () => {
  it('escapes texts and numbers, in elements and in attributes', () => {
    const hostile = `<img src=x onerror="a('b')">&amp;`;
    expect(html`<p title="${hostile}">${hostile}${1}</p>`.text).toBe(
      '<p title="&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;amp;">' +
        '&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;amp;1</p>',
    );
  });

  it('takes what is HTML already as it is, alone and as a list', () => {
    const items = ['<', '>'].map((text) => html`<li>${text}</li>`);
    expect(
      html`<ul>
        ${items}
      </ul>`.text.replaceAll(/\s/g, ''),
    ).toBe('<ul><li>&lt;</li><li>&gt;</li></ul>');
    expect(html`${new Html('<br>')}`.text).toBe('<br>');
  });

  it('repeats backslashes and dollar signs of a text', () => {
    expect(html`<p>${'\\n $& ${1}'}</p>`.text).toBe('<p>\\n $&amp; ${1}</p>');
  });
});
