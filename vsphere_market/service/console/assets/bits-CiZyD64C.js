import{C as e,E as t}from"./format-D8RhZoHT.js";function n(n,r=`none`,i=``){return t`<span class="pill ${r}" title=${i||e}>${n}</span>`}function r(n,r){return t`<dl class="figures" aria-label=${r}>
    ${n.map(n=>t`<div>
          <dt>${n.label}</dt>
          <dd class="${n.tone??``}${n.text?` text`:``}">
            ${n.value}${n.note?t`<small>${n.note}</small>`:e}
          </dd>
        </div>`)}
  </dl>`}function i(n,r,i={}){let a=i.id??n.toLowerCase().replaceAll(/[^a-z]+/g,`-`);return t`<section class="panel" aria-labelledby=${a}>
    <header>
      <h2 id=${a}>${n}</h2>
      ${i.end===void 0?e:t`<span class="push">${i.end}</span>`}
      ${i.note===void 0?e:t`<p class="note">${i.note}</p>`}
    </header>
    <div class=${i.flush?`flush`:`body`}>${r}</div>
  </section>`}function a(e){return t`<dl class="facts-list">
    ${e.map(([e,n])=>t`<dt>${e}</dt>
          <dd>${n}</dd>`)}
  </dl>`}function o(e,n){return t`<a href=${e}>${n}</a>`}export{n as a,i,r as n,o as r,a as t};