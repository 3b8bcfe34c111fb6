import{C as e,E as t,N as n,P as r,U as i,Y as a,c as o,d as s,g as c,h as l,i as u,k as d,m as f,n as p,o as m,p as h,s as g,t as _,u as v,v as y,y as b}from"./format-D8RhZoHT.js";import{t as x}from"./forms-C2HeXPbj.js";import{i as S,n as C}from"./bits-CiZyD64C.js";function w(e,t){let n=t=>{let n=e.get(t);return typeof n==`string`?n.trim():``},r=e=>Number(n(e)||0);return{ask:t,cluster:n(`cluster`),lose:n(`lose`)?[n(`lose`)]:[],maintenance:n(`maintenance`)?[n(`maintenance`)]:[],add_hosts:r(`add_hosts`),add_vms:r(`add_vms`),size_gib:n(`size_gib`)?r(`size_gib`):null,grow_pct:r(`grow_pct`)}}function T(e){return[...(e.lose??[]).map(e=>`${e} fails`),...(e.maintenance??[]).map(e=>`${e} enters maintenance`),e.add_hosts?`${m(e.add_hosts,`host`)} ${e.add_hosts===1?`is`:`are`} added`:``,e.add_vms?`${m(e.add_vms,`VM`)}${e.size_gib?` of ${p(e.size_gib)} GiB`:``} ${e.add_vms===1?`is`:`are`} added`:``,e.grow_pct?`demand ${e.grow_pct>0?`grows`:`falls`} by ${p(Math.abs(e.grow_pct))} %`:``].filter(Boolean).join(` and `)||`nothing changes`}var E=class extends l{constructor(...e){super(...e),this.query=new URLSearchParams,this.estate=new h(this,r),this.prices=new h(this,i),this.asked=``,this.working=!1,this.submit=e=>{e.preventDefault(),this.ask(`outlook`)}}static{this.properties={query:{attribute:!1}}}connectedCallback(){super.connectedCallback(),this.estate.run(),this.prices.run()}disconnectedCallback(){super.disconnectedCallback(),this.ended?.abort()}render(){let n=this.prices.value?.hosts??[],r=this.estate.value?.clusters??[],i=this.query.get(`lose`)??``;return t`<div class="view">
      <div class="title">
        <h1>What if</h1>
        <p class="lead">Suppose something, and see prices, pressure and the market's answer. Nothing is changed and nothing written down.</p>
      </div>
      ${this.prices.problem?b(this.prices.problem,()=>void this.prices.run()):e}
      <form class="panel" @submit=${this.submit} aria-label="What is supposed">
        <div class="body suppose">
          <label class="field"
            >A host fails<select name="lose">
              <option value="">none</option>
              ${n.map(e=>t`<option value=${e.name} ?selected=${e.name===i}>${e.name}</option>`)}
            </select></label
          >
          <label class="field"
            >A host enters maintenance<select name="maintenance">
              <option value="">none</option>
              ${n.map(e=>t`<option value=${e.name}>${e.name}</option>`)}
            </select></label
          >
          <label class="field">VMs are added<input name="add_vms" type="number" min="0" max="10000" value="0" /></label>
          <label class="field">of this size, GiB<input name="size_gib" type="number" min="0.1" step="any" placeholder="the usual" /></label>
          <label class="field">Hosts are added<input name="add_hosts" type="number" min="0" max="1000" value="0" /></label>
          <label class="field">Demand grows by, %<input name="grow_pct" type="number" min="-100" max="10000" step="any" value="0" /></label>
          ${r.length>1?t`<label class="field"
                >in cluster<select name="cluster">
                  <option value="">all, or the only one</option>
                  ${r.map(e=>t`<option value=${e.name}>${e.name}</option>`)}
                </select></label
              >`:e}
        </div>
        <div class="body buttons">
          <cds-button size="sm" ?disabled=${this.working} type="button" @click=${x}>${this.working?`Working it out …`:`Suppose`}</cds-button>
          <cds-button type="button" size="sm" action="outline" ?disabled=${this.working} @click=${()=>void this.ask(`headroom`)}
            >How many more VMs fit?</cds-button
          >
          <cds-button type="button" size="sm" action="outline" ?disabled=${this.working} @click=${()=>void this.ask(`place`)}
            >Where should a new VM live?</cds-button
          >
        </div>
      </form>
      ${this.problem?b(this.problem):e}
      <div aria-live="polite" class="view-part">${this.answer?this.result(this.answer):e}</div>
    </div>`}async ask(e){let t=this.querySelector(`form`);if(!t||this.working)return;let r=w(new FormData(t),e);this.ended?.abort();let i=new AbortController;this.ended=i,this.working=!0,this.problem=void 0,this.requestUpdate();try{let e=await d(r);await n(e,i.signal);let t=await a(e.id,i.signal);this.answer=t.result,this.asked=T(r)}catch(e){if(i.signal.aborted)return;this.problem=f(e),this.answer=void 0}finally{this.working=!1,this.requestUpdate()}}result(e){return e.headroom?k(e.headroom):e.quotes?A(e.quotes):this.outlook(e)}outlook(n){let r=e=>e.hosts.reduce((e,t)=>e+(t.swap_mib??0),0),i=e=>e.hosts.reduce((e,t)=>e+(t.balloon_mib??0),0),a=n.then.redundancy.filter(e=>!e.holds);return t`
      <h2>If ${this.asked}</h2>
      ${C([{label:`Potential now`,value:g(n.now.potential),note:`points: the cost of pressure`},{label:`Then`,value:g(n.then.potential),tone:(n.then.potential??0)>(n.now.potential??0)?`bad`:`good`},{label:`Then, after trading`,value:g(n.traded.potential),note:`${m(n.plan.steps.length,`step`)}; no placement below ${g(n.then.lower_bound)}`},{label:`Would swap`,value:u(r(n.then)),note:`after trading ${u(r(n.traded))}`,tone:r(n.then)>=1?`bad`:`none`},{label:`Would balloon`,value:u(i(n.then)),note:`after trading ${u(i(n.traded))}`},{label:`Could not restart`,value:_(n.stranded.length),note:n.stranded.slice(0,3).map(e=>e.name).join(`, `),tone:n.stranded.length?`bad`:`none`}],`What would become of it`)}
      ${a.length?t`<div class="callout warn">
            <p class="grow">
              ${a.map(e=>t`Cluster <b>${e.cluster}</b> could not lose ${e.host.name} as well: ${m(e.stranded,`VM`)} would find no
                  room${(e.swap_mib??0)>=1?` and ${u(e.swap_mib)} would be swapped`:``}. `)}
            </p>
          </div>`:e}
      <div class="columns">${S(`Hosts`,D(n))} ${S(`What the market would do then`,O(n))}</div>
    `}};function D(e){let n=new Map(e.now.hosts.map(e=>[e.host.moid,e])),r=new Map(e.traded.hosts.map(e=>[e.host.moid,e])),i=[...new Map([...e.now.hosts,...e.then.hosts].map(e=>[e.host.moid,e.host.name]))],a=new Map(e.then.hosts.map(e=>[e.host.moid,e]));return t`<div class="scroll" tabindex="0" role="region" aria-label="Hosts now, then and after trading">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col" class="end">Sold now</th>
          <th scope="col" class="end">then</th>
          <th scope="col" class="end">after trading</th>
          <th scope="col" class="end">Price then</th>
          <th scope="col" class="end">Would swap</th>
        </tr>
      </thead>
      <tbody>
        ${i.map(([e,i])=>t`<tr>
              <th scope="row">${i}</th>
              <td class="end num">${v(n.get(e)?.load)}</td>
              <td class="end num">${a.has(e)?v(a.get(e)?.load):`lost`}</td>
              <td class="end num">${v(r.get(e)?.load)}</td>
              <td class="end num">${o(a.get(e)?.price)}</td>
              <td class="end num">${u(a.get(e)?.swap_mib)}</td>
            </tr>`)}
      </tbody>
    </table>
  </div>`}function O(n){let{steps:r}=n.plan;return r.length?t`<div class="scroll" tabindex="0" role="region" aria-label="Steps that the market would take">
    <ul class="lines">
      ${r.slice(0,40).map(e=>t`<li><b>${e.subject.name}</b><div class="note">${e.reason}</div></li>`)}
      ${r.length>40?t`<li class="note">and ${_(r.length-40)} more</li>`:e}
    </ul>
  </div>`:y(`Nothing`,`No trade would be worth its disturbance.`)}function k(e){return S(`How many more VMs fit`,e.length?t`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              <th scope="col" class="end">Fit well</th>
              <th scope="col" class="end">Fit at all</th>
              <th scope="col">VMs like</th>
              <th scope="col" class="end">Lasts</th>
            </tr>
          </thead>
          <tbody>
            ${e.map(e=>t`<tr>
                  <th scope="row">${e.cluster}</th>
                  <td class="end num">${_(e.comfortable)}</td>
                  <td class="end num">${_(e.possible)}</td>
                  <td>${e.profile?`${e.profile.like.name} (${u(e.profile.size_mib)})`:`none runs`}</td>
                  <td class="end num">${e.days===null?`not known`:s(e.days*86400)}</td>
                </tr>`)}
          </tbody>
        </table>`:y(`There is no cluster with hosts`),{note:`They fit well as long as one more MiB costs at most ${o(e[0]?.comfort_price)} points where they go.`})}function A(e){let n=e.find(e=>e.refused===null);return S(`Quotes for a new VM`,t`<table class="plain">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Cluster</th>
          <th scope="col" class="end">Quote, points</th>
          <th scope="col" class="end">Price now</th>
          <th scope="col" class="end">with it</th>
          <th scope="col">Refused because</th>
        </tr>
      </thead>
      <tbody>
        ${e.slice(0,50).map(e=>t`<tr class=${e===n?`home`:``}>
              <th scope="row">${e.host.name}</th>
              <td>${e.cluster}</td>
              <td class="end num">${g(e.quote)}</td>
              <td class="end num">${o(e.price)}</td>
              <td class="end num">${o(e.price_after)}</td>
              <td>${e.refused??``}</td>
            </tr>`)}
      </tbody>
    </table>`,{note:n?`It lives cheapest on ${n.host.name}.`:`No host can take it.`})}c(`vsm-whatif`,E);export{E as VsmWhatif};