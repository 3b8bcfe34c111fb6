import{C as e,E as t,M as n,a as r,b as i,c as a,g as o,h as s,i as c,l,p as u,r as d,rt as f,s as p,t as m,u as h,v as g,x as _}from"./format-D_1emsK3.js";import{c as v,f as y,p as b}from"./clarity-k5bf6ilN.js";import{a as x,i as S,n as C,r as w,t as T}from"./bits-BZWplkmO.js";import"./chart-OaZHWbhH.js";import{a as E,i as D,n as O,o as k,r as A,t as j}from"./words-DKGrznbL.js";import{t as M}from"./step-DAmxRPMe.js";var N=class extends s{constructor(...e){super(...e),this.thing=``,this.card=!1,this.found=new u(this,e=>n(this.thing,e)),this.live=new y(this,[`turn`],()=>void this.found.run()),this.asked=``}static{this.properties={thing:{type:String},card:{type:Boolean}}}willUpdate(){this.asked!==this.thing&&(this.asked=this.thing,this.found.run(!0))}render(){let n=e=>this.card?q(e):e.thing===`vm`?L(e):R(e),r=this.found.problem&&!this.found.value;return t`<div class=${this.card?`card-view`:`view`}>
      ${r?t`<h1 class="visually-hidden">${this.thing}</h1>`:e}
      ${_(this.found,n,`Asking why`)}
    </div>`}};function P(e,t){return e.numbers.find(e=>e.name===t)?.value??null}function F(n){let r=n.diagnosis?n.diagnosis.hurts?`bad`:`warn`:`good`,i=n.steps[0];return t`<div class="callout ${r}">
    <p class="grow">
      <b>${n.headline}</b> ${i?t`The market would ${I(n.steps)}.`:e}
    </p>
    ${i?w(v([`plan`],{step:i.id}),`Review it in the plan`):e}
  </div>`}function I(e){return e.slice(0,2).map(e=>e.text).join(`, then `).concat(e.length>2?` and ${m(e.length-2)} more`:``)}function L(e){let n=e.diagnosis;return t`
    <div class="title">
      <h1>${e.subject.name}</h1>
      ${n?x(j(n.cause),n.hurts?`bad`:`warn`):x(`has what it needs`,`good`)}
      <p class="lead">
        Virtual machine ${e.host?t`on ${w(v([`hosts`,e.host.moid]),e.host.name)}`:`on no host`}
      </p>
    </div>
    ${F(e)}
    ${C([{label:`Size`,value:c(P(e,`size`))},{label:`Works with`,value:c(P(e,`working set`)),note:`confidence ${h(e.confidence)}`},{label:`Ballooned`,value:c(P(e,`ballooned`))},{label:`Swapped`,value:c(P(e,`swapped`))},{label:`Swap-in`,value:l(P(e,`swap-in`)),tone:(P(e,`swap-in`)??0)>0?`bad`:`none`},{label:`Waits for memory`,value:r(P(e,`memory latency`))},{label:`Price here`,value:a(e.market?.price),note:`points for a MiB`}],`Figures of the VM`)}
    <div class="columns">
      ${S(`What the market offers`,B(e.offers),{note:`Every kind of trade, judged at the same prices.`})}
      ${S(`Quotes of the hosts`,e.quotes.length?M(e.quotes):g(`No host quotes for it`),{note:`What its living there would cost everybody, in points; the cheapest host wins if the move is worth it.`})}
      ${U(e)} ${W(e)}
    </div>
    ${G(e)} ${K(e.actions)}
  `}function R(n){let r=n.market,i=z(n);return t`
    <div class="title">
      <h1>${n.subject.name}</h1>
      ${r?x(k(r.pressure),E(r.pressure)):e}
      <p class="lead">
        Host${r?.cluster?t` of ${w(v([`clusters`,r.cluster]),r.cluster_name??r.cluster)}`:`, in no cluster`}
      </p>
    </div>
    ${r?C([{label:`Price`,value:a(r.price),note:`points for a MiB`},{label:`Sold`,value:h(r.load),note:`of ${c(r.usable_mib)} for sale`,tone:(r.load??0)>=1?`bad`:(r.load??0)>=.9?`warn`:`none`},{label:`Its VMs would hold`,value:h(r.footprint),note:`of that, if nobody squeezed them`},{label:`Ballooned`,value:c(r.ballooned_mib)},{label:`Swapped`,value:c(r.swapped_mib)},{label:`Swap rate`,value:l(r.swap_kibps),tone:(r.swap_kibps??0)>0?`bad`:`none`},{label:`VMs`,value:m(r.vms)}],`Figures of the host`):e}
    <div class="columns">
      ${S(`Price over time`,i?t`<vsm-chart .plot=${i} label=${`Price of ${n.subject.name} over time`} .height=${200}></vsm-chart>`:g(`The journal has no samples of it yet`))}
      ${S(`What its price is made of`,n.price_parts.length?T(n.price_parts.map(e=>[e.name,d(e.value,e.unit)])):g(`It sells nothing`))}
      ${S(`Its VMs`,V(n),{note:`The largest first.`})}
      ${S(`What the market would do here`,n.steps.length?H(n.steps):g(`Nothing`,`No trade with this host is worth its disturbance.`))}
      ${U(n)} ${W(n)}
    </div>
    ${K(n.actions)}
  `}function z(e){if(!e.samples.length)return null;let t=[...e.samples].sort((e,t)=>e.at.localeCompare(t.at));return{x:t.map(e=>Date.parse(e.at)/1e3),yLabel:`points/MiB`,yFormat:a,log:!0,series:[{label:`Price`,color:`--vsm-series-1`,values:t.map(e=>e.price),format:a,fill:!0,step:!0}]}}function B(n){return t`<table class="plain">
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
            <th scope="row">${O(n.kind)}${n.chosen?t`<br />${x(`in the plan`,`info`)}`:e}</th>
            <td>${n.text?t`${n.text}<br />`:e}<span class="note">${i(n.sentence)}</span></td>
            <td class="end num">${p(n.saving)}</td>
            <td class="end num">${p(n.disruption)}</td>
          </tr>`)}
    </tbody>
  </table>`}function V(e){return e.tenants.length?t`<div class="scroll" tabindex="0" role="region" aria-label="VMs of the host">
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
              <th scope="row">${w(v([`vms`,e.vm.moid]),e.vm.name)}</th>
              <td class="end num">${c(e.working_set_mib)}</td>
              <td class="end num">${c(e.footprint_mib)}</td>
              <td class="end num">${c(e.taken_mib)}</td>
              <td>${e.cause===`none`?`no`:j(e.cause)}</td>
            </tr>`)}
      </tbody>
    </table>
  </div>`:g(`No VM runs here`)}function H(e){return t`<ul class="lines">
    ${e.map(e=>t`<li>${w(v([`plan`],{step:e.id}),e.text)}<div class="note">${i(e.reason)}</div></li>`)}
  </ul>`}function U(e){return S(`Numbers behind it`,T(e.numbers.map(e=>[e.name,d(e.value,e.unit)])),{note:`As vCenter gave them; what it did not give is left out.`})}function W(n){return S(`Policy in effect`,n.settings.length?t`<table class="plain">
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
        </table>`:g(`No policy says anything about it`))}function G(n){return n.refusals.length?S(`What is not done, and why`,t`<ul class="lines">
      ${n.refusals.map(e=>t`<li>${i(e.sentence)}</li>`)}
    </ul>`):e}function K(n){return S(`Last trades`,n.length?t`<table class="plain">
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
                    ${x(D(n.outcome??n.state),A(n.outcome??n.state))}
                    ${n.sentence?t`<div class="note">${i(n.sentence)}</div>`:e}
                  </td>
                </tr>`)}
          </tbody>
        </table>`:g(`Nothing was done yet`))}function q(n){let r=n.market,i=v([n.thing===`vm`?`vms`:`hosts`,n.subject.moid]),o=n.thing===`vm`?[[`Works with`,c(P(n,`working set`))],[`Taken from it`,c(n.diagnosis?.taken_mib??0)],[`Price here`,`${a(r?.price)} points/MiB`],[`Cheapest quote`,J(n)],[`Last trade`,n.actions[0]?`${n.actions[0].text} (${D(n.actions[0].outcome??n.actions[0].state)})`:`none`]]:[[`Price`,`${a(r?.price)} points/MiB`],[`Sold`,`${h(r?.load)} of ${c(r?.usable_mib)}`],[`Ballooned`,c(r?.ballooned_mib)],[`Swapped`,c(r?.swapped_mib)]],s=n.thing===`vm`?n.diagnosis?n.diagnosis.hurts?`bad`:`warn`:`good`:E(r?.pressure??``);return t`
    <p class="card-head">
      ${x(n.thing===`vm`?n.diagnosis?j(n.diagnosis.cause):`has what it needs`:k(r?.pressure??``),s)}
    </p>
    <p>${n.headline}</p>
    ${n.steps.length?t`<p>The market would ${I(n.steps)}.</p>`:e} ${T(o)}
    ${f().place===`card`?e:w(i,`All about it`)}
  `}function J(e){let t=e.quotes.filter(e=>e.quote!==null&&!e.refused).reduce((e,t)=>e===void 0||(t.quote??0)<(e.quote??0)?t:e,void 0);return t?`${t.home?`its own host`:t.host.name}, ${p(t.quote)} points`:`none`}o(`vsm-thing`,N);export{N as VsmThing,K as actionsPanel};