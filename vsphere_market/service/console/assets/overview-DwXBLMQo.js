import{C as e,E as t,P as n,U as r,a as i,b as a,c as o,g as s,h as c,i as l,l as u,o as d,p as f,s as p,t as m,u as h,v as g,x as _}from"./format-D8RhZoHT.js";import{c as v,f as y,p as b}from"./clarity-CAItAufx.js";import{a as x,i as S,n as C,r as w}from"./bits-CiZyD64C.js";import{s as T}from"./words-DkfCIaZb.js";import{r as E,t as D}from"./table-5z1I3P52.js";import{n as O}from"./columns-D4c0Q6xl.js";function k(e){return e===null||!Number.isFinite(e)?-1:[.3,.5,.7,.9,1].filter(t=>e>=t).length}var A=[`below 30 %`,`30–50 %`,`50–70 %`,`70–90 %`,`90–100 %`,`over-committed`],j=class extends c{constructor(...e){super(...e),this.tiles=[],this.label=`Pressure map`}static{this.properties={tiles:{attribute:!1},label:{type:String}}}render(){let e=this.tiles.length>80;return t`
      <ul class="tiles${e?` small`:``}" aria-label=${this.label}>
        ${this.tiles.map(t=>this.tile(t,e))}
      </ul>
      <ul class="scale" aria-hidden="true">
        ${A.map((e,n)=>t`<li class="warm-${n}"><i></i>${e}</li>`)}
      </ul>
    `}tile(n,r){let i=T(n.pressure),a=`${n.name}: ${h(n.load)} of its memory is sold, ${o(n.price)} points/MiB, ${i}, ${m(n.vms)} VMs`+(n.squeezed_mib>0?`, ${l(n.squeezed_mib)} taken from them`:``);return t`<li>
      <a class="tile warm-${k(n.load)}" href=${n.href} title=${a} aria-label=${r?a:e}>
        ${r?``:t`<b>${n.name}</b><span class="load">${h(n.load)}</span>
              <span class="state">${i}</span>`}
      </a>
    </li>`}};s(`vsm-pressure-map`,j);function M(e){return{moid:e.moid,name:e.name,cluster:e.cluster_name??``,load:e.load,price:e.price,pressure:e.pressure,squeezed_mib:(e.ballooned_mib??0)+(e.swapped_mib??0),vms:e.vms,href:v([`hosts`,e.moid])}}var N=class extends c{constructor(...e){super(...e),this.estate=new f(this,n),this.prices=new f(this,r),this.live=new y(this,[`turn`],()=>this.ask()),this.sort={key:`price`,order:`descending`}}connectedCallback(){super.connectedCallback(),this.ask()}ask(){this.estate.run(),this.prices.run()}render(){return t`<div class="view">
      ${_(this.estate,e=>this.whole(e),`Reading the estate`)}
      ${this.estate.value?_(this.prices,e=>this.market(e),`Reading the prices`):e}
    </div>`}whole(n){let{squeeze:r,certificate:o}=n;return t`
      <div class="title">
        <h1>Overview</h1>
        <p class="lead">
          ${d(n.hosts,`host`)} and ${d(n.vms,`VM`)} of ${n.source.name}, as of
          ${b(n.taken_at)}.
        </p>
      </div>
      ${P(n)}
      ${C([{label:`Short of memory`,value:m(n.squeezed_vms),note:`of ${m(n.running_vms)} running VMs; ${m(n.hurting_vms)} suffer`,tone:n.hurting_vms?`bad`:n.squeezed_vms?`warn`:`good`},{label:`Ballooned`,value:l(r.ballooned_mib)},{label:`Swapped`,value:l(r.swapped_mib)},{label:`Swap-in`,value:u(r.swapin_kibps),tone:(r.swapin_kibps??0)>0?`bad`:`none`},{label:`Potential`,value:p(n.potential),note:`points; what pressure costs, as the market counts it`},{label:`After the plan`,value:p(o.potential_after),note:`no placement below ${p(o.lower_bound)} (gap ${i(o.gap_pct)})`}],`The estate in figures`)}
      ${n.missing.length||n.policy_findings.length?t`<div class="callout warn">
            <div class="grow">
              ${n.missing.map(e=>t`<p>vCenter does not say: ${e}</p>`)}
              ${n.policy_findings.map(e=>t`<p><b>${e.where}</b> ${a(e.what)} ${e.cure}</p>`)}
            </div>
          </div>`:e}
    `}market(n){let r=E(n.hosts,e=>e[this.sort.key],this.sort.order);return t`
      <div class="columns">
        ${S(`Pressure map`,n.hosts.length?t`<vsm-pressure-map .tiles=${E(n.hosts,e=>e.name,`ascending`).map(M)}></vsm-pressure-map>`:g(`There are no hosts`),{note:`How much of what each host has for sale is sold.`})}
        ${S(`Who is short of memory, and why`,I(n),{end:n.squeezed_total?w(v([`vms`],{squeezed:`yes`}),`All of them`):e})}
      </div>
      ${S(`Hosts by price`,t`<vsm-table
          label="Hosts by price"
          .columns=${O(!0)}
          .source=${new D(r)}
          .sort=${this.sort}
          .rows=${12}
          empty="There are no hosts."
          @vsm-sort=${e=>{this.sort=e.detail,this.requestUpdate()}}
        ></vsm-table>`,{flush:!0})}
    `}};function P(n){let r=F(n);return n.plan_steps>0?t`<div class="callout ${n.hurting_vms?`bad`:`warn`}">
      <p class="grow">
        <b>The market has a plan: ${d(n.plan_steps,`step`)}.</b>
        ${r===null?e:t`They take away ${i(r,0)} of the cost of pressure.`} Nothing is done
        before you approve it, unless a policy makes it automatic.
      </p>
      <cds-button size="sm" @click=${()=>location.hash=v([`plan`]).slice(1)}>Review the plan</cds-button>
    </div>`:n.squeezed_vms?t`<div class="callout warn">
        <p class="grow">
          <b>VMs are short of memory, and the market has no trade that is worth its disturbance.</b>
          ${w(v([`vms`],{squeezed:`yes`}),`See why`)}.
        </p>
      </div>`:t`<div class="callout good">
        <p class="grow"><b>Nothing to do.</b> No VM is short of memory, and no trade is worth its disturbance.</p>
      </div>`}function F(e){let{potential_before:t,potential_after:n}=e.certificate;return t===null||n===null||t<=0?null:(t-n)/t*100}function I(n){if(!n.squeezed.length)return g(`No VM is short of memory`);let r=new Map;for(let e of n.squeezed){let t=`${e.cause} ${e.host?.moid??``}`;r.set(t,[...r.get(t)??[],e])}return t`<div class="scroll" tabindex="0" role="region" aria-label="VMs that are short of memory">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Cause</th>
          <th scope="col">VMs</th>
          <th scope="col" class="end">Taken away</th>
        </tr>
      </thead>
      <tbody>
        ${[...r.values()].map(n=>{let[r]=n;if(!r)return e;let i=r.host;return t`<tr>
            <td>
              ${x(r.cause_words,n.some(e=>e.hurts)?`bad`:`warn`)}
              ${i?t`<div class="small">${w(v([`hosts`,i.moid]),i.name)}</div>`:e}
            </td>
            <td>
              ${n.slice(0,4).map((e,n)=>t`${n?`, `:``}${w(v([`vms`,e.vm.moid]),e.vm.name)}`)}
              ${n.length>4?t` and ${m(n.length-4)} more`:e}
            </td>
            <td class="end num">${l(n.reduce((e,t)=>e+(t.taken_mib??0),0))}</td>
          </tr>`})}
      </tbody>
    </table>
  </div>`}s(`vsm-overview`,N);export{N as VsmOverview,P as advice,F as gainOf,M as tileOf};