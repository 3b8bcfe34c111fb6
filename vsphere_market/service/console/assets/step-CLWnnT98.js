import{C as e,E as t,b as n,c as r,g as i,h as a,r as o,rt as s,s as c,t as l}from"./format-D8RhZoHT.js";import{c as u,p as d}from"./clarity-CAItAufx.js";import{a as f,r as p,t as m}from"./bits-CiZyD64C.js";import{r as h}from"./words-DkfCIaZb.js";function g(){return[{key:`id`,label:`Step`,width:`64px`,cell:e=>e.id},{key:`wave`,label:`Wave`,width:`74px`,end:!0,minor:!0,cell:e=>l(e.wave)},{key:`kind`,label:`Kind`,width:`110px`,cell:e=>h(e.kind)},{key:`text`,label:`What`,width:`minmax(300px, 3fr)`,cell:e=>e.text},{key:`saving`,label:`Saves`,width:`minmax(84px, 1fr)`,end:!0,title:`Fall of the potential, points`,cell:e=>c(e.saving)},{key:`disruption`,label:`Costs`,width:`minmax(76px, 1fr)`,end:!0,minor:!0,title:`What doing it disturbs, points`,cell:e=>c(e.disruption)},{key:`approval`,label:`State`,width:`130px`,cell:_}]}function _(e){switch(e.approval){case`approved`:return{text:`approved`,tone:`good`,pill:!0,title:v(e)};case`skipped`:return{text:`skipped`,pill:!0,title:v(e)};case`recommended`:return{text:`recommended`,title:`Policy only recommends it: it cannot be approved`};default:return{text:`waits`,tone:`warn`,pill:!0,title:`It waits for approval`}}}function v(e){return[e.approval,e.approval_by?`by ${e.approval_by}`:``,e.approval_why??``].filter(Boolean).join(` `)}var y=class extends a{constructor(...e){super(...e),this.step=null,this.open=!1,this.working=``}static{this.properties={step:{attribute:!1},open:{type:Boolean},working:{type:String}}}render(){let r=this.step;if(!r)return e;let i=_(r);return t`<section class="panel step" aria-labelledby="step-heading">
      <header>
        <h2 id="step-heading">Step ${r.id}: ${h(r.kind)}</h2>
        ${f(i.text,i.tone??`none`,i.title)}
      </header>
      <div class="body">
        <p class="what">${p(this.address(r),r.subject.name)}: ${r.text.replace(/^[^:]*:\s*/,``)}</p>
        <p>${n(r.reason)}</p>
        ${this.buttons(r)}
        ${r.approval_by?t`<p class="note">
              ${r.approval===`approved`?`Approved`:`Skipped`} by ${r.approval_by}, ${d(r.approval_at)}${r.approval_why?`: ${r.approval_why}`:``}
            </p>`:e}
        <h3>Worth</h3>
        ${m([[`Saves`,`${c(r.saving)} points`],[`Costs`,`${c(r.disruption)} points of disturbance`],[`Policy`,b[r.mode]],...r.depends_on.length?[[`Only after`,r.depends_on.join(`, `)]]:[]])}
        ${r.evidence?.length?t`<h3>Numbers behind it</h3>
              ${m(r.evidence.map(e=>[e.name,o(e.value,e.unit)]))}`:e}
        ${r.quotes?.length?t`<h3>Quotes of the hosts</h3>${x(r.quotes)}`:e}
      </div>
    </section>`}address(e){return u([e.subject.moid.startsWith(`host`)?`hosts`:`vms`,e.subject.moid])}buttons(n){if(!this.open||!s().may(`approver`)||n.approval===`recommended`)return e;let r=this.working!==``;return t`<div class="buttons">
      ${n.approval===`approved`?e:t`<cds-button size="sm" ?disabled=${r} @click=${()=>this.dispatchEvent(new CustomEvent(`vsm-approve`))}
            >Approve</cds-button
          >`}
      ${n.approval===`skipped`?e:t`<cds-button
            size="sm"
            action="outline"
            ?disabled=${r}
            @click=${()=>this.dispatchEvent(new CustomEvent(`vsm-skip`))}
            >Skip</cds-button
          >`}
    </div>`}},b={off:`off`,recommend:`only recommends it`,approve:`asks for approval`,automatic:`lets it be done automatically`};function x(i){return t`<div class="scroll" tabindex="0" role="region" aria-label="Table of quotes">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col" class="end">Price, points/MiB</th>
          <th scope="col" class="end">Quote, points</th>
        </tr>
      </thead>
      <tbody>
        ${i.map(i=>t`<tr class=${i.home?`home`:``}>
              <th scope="row">
                ${p(u([`hosts`,i.host.moid]),i.host.name)}${i.home?t` <span class="note">lives here</span>`:e}
                ${i.sentence?t`<div class="note">${n(i.sentence)}</div>`:e}
              </th>
              <td class="end num">${r(i.price)}</td>
              <td class="end num">${c(i.quote)}</td>
            </tr>`)}
      </tbody>
    </table>
  </div>`}i(`vsm-step`,y);export{g as n,x as t};