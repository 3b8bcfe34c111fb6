import{C as e,E as t,M as n,a as r,b as i,c as a,g as o,h as s,i as c,l,o as u,p as d,r as f,rt as p,s as m,t as h,u as g,v as _,x as v}from"./format-D8RhZoHT.js";import{c as y,f as ee,p as b}from"./clarity-CAItAufx.js";import{a as x,i as S,n as C,r as w,t as T}from"./bits-CiZyD64C.js";import"./chart-EyVR9LoB.js";import{a as E,i as D,n as O,o as k,r as A,s as j,t as M}from"./words-DkfCIaZb.js";import{t as N}from"./step-CLWnnT98.js";var P=class extends s{constructor(...e){super(...e),this.thing=``,this.card=!1,this.found=new d(this,e=>n(this.thing,e)),this.live=new ee(this,[`turn`],()=>void this.found.run()),this.asked=``}static{this.properties={thing:{type:String},card:{type:Boolean}}}willUpdate(){this.asked!==this.thing&&(this.asked=this.thing,this.found.run(!0))}render(){let n=e=>this.card?te(e):e.thing===`vm`?z(e):B(e),r=this.found.problem&&!this.found.value;return t`<div class=${this.card?`card-view`:`view`}>
      ${r?t`<h1 class="visually-hidden">${this.thing}</h1>`:e}
      ${v(this.found,n,`Asking why`)}
    </div>`}};function F(e,t){return e.numbers.find(e=>e.name===t)?.value??null}function I(n){let r=n.diagnosis?n.diagnosis.hurts?`bad`:`warn`:`good`,a=n.steps[0];return t`<div class="callout ${r}">
    <p class="grow">
      <b>${n.headline}</b> ${n.because?i(`That is because ${n.because}`):e}
      ${n.since?L(n.since):e} ${a?t`In the plan: ${R(n.steps)}.`:e}
    </p>
    ${a?w(y([`plan`],{step:a.id}),`Review it in the plan`):e}
  </div>`}function L(e){let t=e.at_least?`, as long as it is remembered`:``;return`It has been so since ${b(e.at)} (${u(e.looks,`look`)} in a row${t}).`}function R(e){return e.slice(0,2).map(e=>e.text).join(`, then `).concat(e.length>2?` and ${h(e.length-2)} more`:``)}function z(n){let i=n.diagnosis;return t`
    <div class="title">
      <h1>${n.subject.name}</h1>
      ${i?x(O(i.cause),i.hurts?`bad`:`warn`):x(`has what it needs`,`good`)}
      <p class="lead">
        Virtual machine ${n.host?t`on ${w(y([`hosts`,n.host.moid]),n.host.name)}`:`on no host`}
      </p>
    </div>
    ${I(n)}
    ${C([{label:`Size`,value:c(F(n,`size`))},{label:`Works with`,value:c(F(n,`working set`)),note:`confidence ${g(n.confidence)}`},{label:`Ballooned`,value:c(F(n,`ballooned`))},{label:`Swapped`,value:c(F(n,`swapped`))},{label:`Swap-in`,value:l(F(n,`swap-in`)),tone:(F(n,`swap-in`)??0)>0?`bad`:`none`},{label:`Waits for memory`,value:r(F(n,`memory latency`))},{label:`Price here`,value:a(n.market?.price),note:`points for a MiB`},{label:`Pays`,value:m(n.paid?.bill.total),note:`points, for all it takes`}],`Figures of the VM`)}
    <div class="columns">
      ${S(`What the market offers`,H(n.offers),{note:`Every kind of trade, judged at the same prices.`})}
      ${S(`Quotes of the hosts`,n.quotes.length?N(n.quotes):_(`No host quotes for it`),{note:`What its living there would cost everybody, in points; the cheapest host wins if the move is worth it.`})}
      ${U(n)} ${n.diagnosis?W(n.cures):e} 
      ${K(n.flips.filter(e=>!e.taken))} ${K(n.flips.filter(e=>e.taken))}
      ${G(n.paid)} ${X(n)} ${Z(n)}
    </div>
    ${Q(n)} ${$(n.actions)}
  `}function B(n){let r=n.market,i=V(n);return t`
    <div class="title">
      <h1>${n.subject.name}</h1>
      ${r?x(j(r.pressure),k(r.pressure)):e}
      <p class="lead">
        Host${r?.cluster?t` of ${w(y([`clusters`,r.cluster]),r.cluster_name??r.cluster)}`:`, in no cluster`}
      </p>
    </div>
    ${r&&!r.fit?t`<div class="callout warn">
          <p class="grow">It takes no VMs: not connected, resting, excluded, or closed by HA or vSAN.</p>
        </div>`:e}
    ${r?C([{label:`Price`,value:a(r.price),note:`points for a MiB`},{label:`Sold`,value:g(r.load),note:`of ${c(r.usable_mib)} for sale`,tone:(r.load??0)>=1?`bad`:(r.load??0)>=.9?`warn`:`none`},{label:`Its VMs would hold`,value:g(r.footprint),note:`of that, if nobody squeezed them`},{label:`Ballooned`,value:c(r.ballooned_mib)},{label:`Swapped`,value:c(r.swapped_mib)},{label:`Swap rate`,value:l(r.swap_kibps),tone:(r.swap_kibps??0)>0?`bad`:`none`},{label:`VMs`,value:h(r.vms)}],`Figures of the host`):e}
    <div class="columns">
      ${S(`Price over time`,i?t`<vsm-chart .plot=${i} label=${`Price of ${n.subject.name} over time`} .height=${200}></vsm-chart>`:_(`The journal has no samples of it yet`))}
      ${S(`What its price is made of`,n.price_parts.length?T(n.price_parts.map(e=>[e.name,f(e.value,e.unit)])):_(`It sells nothing`))}
      ${S(`Its VMs`,J(n),{note:`The largest first.`})}
      ${S(`What the market would do here`,n.steps.length?Y(n.steps):_(`Nothing`,`No trade with this host is worth its disturbance.`))}
      ${X(n)} ${Z(n)}
    </div>
    ${$(n.actions)}
  `}function V(e){if(!e.samples.length)return null;let t=[...e.samples].sort((e,t)=>e.at.localeCompare(t.at));return{x:t.map(e=>Date.parse(e.at)/1e3),yLabel:`points/MiB`,yFormat:a,log:!0,series:[{label:`Price`,color:`--vsm-series-1`,values:t.map(e=>e.price),format:a,fill:!0,step:!0}]}}function H(n){return t`<table class="plain">
    <thead>
      <tr>
        <th scope="col">Kind</th>
        <th scope="col">Verdict</th>
        <th scope="col" class="end">Saves</th>
        <th scope="col" class="end">Costs</th>
      </tr>
    </thead>
    <tbody>
      ${n.map(n=>t`<tr>
            <th scope="row">${A(n.kind)}${n.chosen?t`<br />${x(`in the plan`,`info`)}`:e}</th>
            <td>${n.text?t`${n.text}<br />`:e}<span class="note">${i(n.sentence)}</span></td>
            <td class="end num">${m(n.saving)}</td>
            <td class="end num">${m(n.disruption)}</td>
          </tr>`)}
    </tbody>
  </table>`}function U(n){if(!n.inside.length&&!n.outside.length)return e;let r=e=>T(e.map(e=>[e.name,f(e.value,e.unit)]));return S(`What shows it`,t`<h3>Its guest</h3>
      ${r(n.inside)}
      <h3>Its host</h3>
      ${r(n.outside)}`)}function W(e){return S(`What would cure it`,e.length?t`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Cure</th>
              <th scope="col">Cures</th>
              <th scope="col" class="end">Saves</th>
              <th scope="col" class="end">Costs</th>
            </tr>
          </thead>
          <tbody>
            ${e.map(e=>t`<tr>
                  <th scope="row">${M(e.text)}<div class="note">${i(e.sentence)}</div></th>
                  <td>${e.whole?`wholly`:`in part`}</td>
                  <td class="end num">${m(e.saving)}</td>
                  <td class="end num">${m(e.disruption)}</td>
                </tr>`)}
          </tbody>
        </table>`:_(`Nothing here would cure it`),{note:`The cheapest first. People have to do what no action of the market can.`})}function G(t){if(!t)return e;let n=[...t.goods.filter(e=>e.value).map(e=>[e.name,m(e.value)]),...t.bill.limit?[[`its own memory limit`,m(t.bill.limit)]]:[],...t.bill.pool?[[`limits of resource pools`,m(t.bill.pool)]]:[],[`in all`,m(t.bill.total)]],r=t.application_bill;return r&&t.application&&n.push([`all of ${t.application} (${u(t.application_vms,`running VM`)})`,m(r.total)]),S(`What it pays`,T(n),{note:`Points at the prices of now, for every good that it takes and for limits.`})}function K(n){if(!n.length)return e;let r=n.some(e=>e.taken);return S(r?`What would change what is in the plan`:`What would change a refusal`,t`<table class="plain">
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">${r?`It would not be done if`:`It would be done if`}</th>
          <th scope="col" class="end">Is now</th>
          <th scope="col" class="end">Would be</th>
        </tr>
      </thead>
      <tbody>
        ${n.map(e=>t`<tr>
              <th scope="row">${A(e.kind)}</th>
              <td>${e.lever_words}</td>
              <td class="end num">${q(e.now,e)}</td>
              <td class="end num">${q(e.needed,e)}</td>
            </tr>`)}
      </tbody>
    </table>`,{note:`The least that does, one at a time: just before it the answer is still ${r?`yes`:`no`}.`})}function q(e,t){return e===null?t.lever===`limit`?`none`:f(e,t.unit):t.unit===`points`?m(e):t.unit===`MiB`?c(e):`${a(e)} a MiB`}function J(e){return e.tenants.length?t`<div class="scroll" tabindex="0" role="region" aria-label="VMs of the host">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">VM</th>
          <th scope="col" class="end">Works with</th>
          <th scope="col" class="end">Would hold</th>
          <th scope="col" class="end">Taken</th>
          <th scope="col">Short of memory</th>
        </tr>
      </thead>
      <tbody>
        ${e.tenants.map(e=>t`<tr>
              <th scope="row">${w(y([`vms`,e.vm.moid]),e.vm.name)}</th>
              <td class="end num">${c(e.working_set_mib)}</td>
              <td class="end num">${c(e.footprint_mib)}</td>
              <td class="end num">${c(e.taken_mib)}</td>
              <td>${e.cause===`none`?`no`:O(e.cause)}</td>
            </tr>`)}
      </tbody>
    </table>
  </div>`:_(`No VM runs here`)}function Y(e){return t`<ul class="lines">
    ${e.map(e=>t`<li>${w(y([`plan`],{step:e.id}),e.text)}<div class="note">${i(e.reason)}</div></li>`)}
  </ul>`}function X(e){return S(`Numbers behind it`,T(e.numbers.map(e=>[e.name,f(e.value,e.unit)])),{note:`As vCenter gave them; what it did not give is left out.`})}function Z(n){return S(`Policy in effect`,n.settings.length?t`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Decided by</th>
            </tr>
          </thead>
          <tbody>
            ${n.settings.map(n=>t`<tr>
                  <th scope="row">${n.name}</th>
                  <td>${n.value}</td>
                  <td>${n.source||t`<span class="soft">the default</span>`}${n.place?t`<div class="note">${n.place}</div>`:e}${n.note?t`<div class="note">${n.note}</div>`:e}</td>
                </tr>`)}
          </tbody>
        </table>`:_(`No policy says anything about it`))}function Q(n){return n.refusals.length?S(`What is not done, and why`,t`<ul class="lines">
      ${n.refusals.map(e=>t`<li>${i(e.sentence)}</li>`)}
    </ul>`):e}function $(n){return S(`Last trades`,n.length?t`<table class="plain">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            ${n.map(n=>t`<tr>
                  <td class="num">${b(n.ended_at??n.started_at)}</td>
                  <td>${n.text}${n.dry_run?t` ${x(`dry run`)}`:e}</td>
                  <td>
                    ${x(E(n.outcome??n.state),D(n.outcome??n.state))}
                    ${n.sentence?t`<div class="note">${i(n.sentence)}</div>`:e}
                  </td>
                </tr>`)}
          </tbody>
        </table>`:_(`Nothing was done yet`))}function te(n){let r=n.market,i=y([n.thing===`vm`?`vms`:`hosts`,n.subject.moid]),o=n.thing===`vm`?[[`Works with`,c(F(n,`working set`))],[`Taken from it`,c(n.diagnosis?.taken_mib??0)],[`Price here`,`${a(r?.price)} points/MiB`],[`Cheapest quote`,ne(n)],[`Last trade`,n.actions[0]?`${n.actions[0].text} (${E(n.actions[0].outcome??n.actions[0].state)})`:`none`]]:[[`Price`,`${a(r?.price)} points/MiB`],[`Sold`,`${g(r?.load)} of ${c(r?.usable_mib)}`],[`Ballooned`,c(r?.ballooned_mib)],[`Swapped`,c(r?.swapped_mib)]],s=n.thing===`vm`?n.diagnosis?n.diagnosis.hurts?`bad`:`warn`:`good`:k(r?.pressure??``);return t`
    <p class="card-head">
      ${x(n.thing===`vm`?n.diagnosis?O(n.diagnosis.cause):`has what it needs`:j(r?.pressure??``),s)}
    </p>
    <p>${n.headline}</p>
    ${n.steps.length?t`<p>In the plan: ${R(n.steps)}.</p>`:e} ${T(o)}
    ${p().place===`card`?e:w(i,`All about it`)}
  `}function ne(e){let t=e.quotes.filter(e=>e.quote!==null&&!e.refused).reduce((e,t)=>e===void 0||(t.quote??0)<(e.quote??0)?t:e,void 0);return t?`${t.home?`its own host`:t.host.name}, ${m(t.quote)} points`:`none`}o(`vsm-thing`,P);export{P as VsmThing,$ as actionsPanel};