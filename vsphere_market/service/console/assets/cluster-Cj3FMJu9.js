import{C as e,E as t,P as n,R as r,U as i,c as a,g as o,h as s,i as c,o as l,p as u,s as d,t as f,u as p,v as m,x as h,y as g}from"./format-D8RhZoHT.js";import{c as _,f as v,p as y}from"./clarity-CAItAufx.js";import{a as b,i as x,n as S,r as C}from"./bits-CiZyD64C.js";import"./chart-EyVR9LoB.js";import{advice as w,tileOf as T}from"./overview-DwXBLMQo.js";import{r as E,t as D}from"./table-5z1I3P52.js";import{n as O}from"./columns-D4c0Q6xl.js";var k=1024,A=8;function j(e){let t=e=>e.price.findLast(e=>e!==null)??0;return[...e.series.hosts].sort((e,n)=>t(n)-t(e)).slice(0,A)}function M(e){let{at_s:t,hosts:n}=e.series;if(t.length===0)return null;let r=j(e).map((e,t)=>({label:e.name,color:`--vsm-series-${t+1}`,values:e.price,format:a,step:!0}));return n.length>A&&r.push({label:`the middle of all hosts`,color:`--vsm-series-quiet`,values:t.map((e,t)=>N(n.map(e=>e.price[t]??null))),format:a,step:!0,dash:!0}),{x:t,series:r,log:!0,yLabel:`points/MiB`,yFormat:a}}function N(e){let t=e.filter(e=>e!==null).sort((e,t)=>e-t),n=Math.floor(t.length/2);return t.length===0?null:t.length%2?t[n]??null:((t[n-1]??0)+(t[n]??0))/2}function P(e){let{at_s:t,before:n,after:r,lower_bound:i}=e.potential;return t.length===0?null:{x:t,log:!0,yLabel:`points`,yFormat:d,series:[{label:`now`,color:`--vsm-series-4`,values:n,format:d,step:!0},{label:`after the plan`,color:`--vsm-series-1`,values:r,format:d,step:!0},{label:`no placement below`,color:`--vsm-series-quiet`,values:i,format:d,step:!0,dash:!0}]}}function F(e){let t=e.supply.filter(I),n=e.demand.filter(I),{price:r,load_mib:i}=e.equilibrium,o=[...new Set([0,...t.map(e=>e.load_mib),...n.map(e=>e.load_mib),...i===null?[]:[i]])].sort((e,t)=>e-t);return{x:o.map(e=>e/k),xFormat:e=>c(e*k),xLabel:`memory sold, GiB`,yLabel:`points/MiB`,yFormat:a,log:!0,lines:[...r===null?[]:[{value:r,label:`even price ${a(r)}`,axis:`y`}],...i===null?[]:[{value:i/k,label:`${c(i)} demanded`,axis:`x`}]],series:[{label:`supply: offered up to this price`,color:`--vsm-series-1`,values:o.map(e=>L(t,e)),format:a,width:2},{label:`demand: paid now, the dearest first`,color:`--vsm-series-4`,values:o.map(e=>R(n,e)),format:a,step:!0,width:2}]}}function I(e){return e.load_mib!==null&&e.price!==null}function L(e,t){let n=e.findIndex(e=>e.load_mib>=t),r=e[n];if(!r)return null;let i=e[n-1];if(!i||r.load_mib===t)return r.load_mib===t?r.price:null;let a=(t-i.load_mib)/(r.load_mib-i.load_mib);return i.price+a*(r.price-i.price)}function R(e,t){let n=e.find(e=>t<e.load_mib);if(n)return n.price;let r=e.at(-1);return r?.load_mib===t?r.price:null}var z=class extends s{constructor(...e){super(...e),this.cluster=``,this.card=!1,this.estate=new u(this,n),this.market=new u(this,e=>r(this.cluster,e)),this.prices=new u(this,i),this.live=new v(this,[`turn`],()=>this.ask()),this.sort={key:`price`,order:`descending`},this.asked=``}static{this.properties={cluster:{type:String},card:{type:Boolean}}}willUpdate(){this.asked!==this.cluster&&(this.asked=this.cluster,this.market.value=void 0,this.ask())}ask(){this.estate.run(),this.prices.run(),this.card||this.market.run()}render(){return t`<div class=${this.card?`card-view`:`view`}>
      ${h(this.estate,e=>this.about(e),`Reading the cluster`)}
    </div>`}about(n){let r=n.clusters.find(e=>e.moid===this.cluster||e.name===this.cluster);return r?this.card?this.summary(n,r):t`
      <div class="title">
        <h1>${r.name}</h1>
        ${r.squeezed_vms?b(`${l(r.squeezed_vms,`VM`)} short of memory`,`warn`):b(`calm`,`good`)}
        <p class="lead">
          Cluster${r.datacenter?` in ${r.datacenter}`:``}: ${l(r.hosts,`host`)},
          ${l(r.vms,`VM`)}, DRS ${r.drs??`off`}, HA ${r.ha?`on`:`off`}; as of
          ${y(n.taken_at)}.
        </p>
      </div>
      ${w(n)} ${V(r)}
      ${this.market.problem?g(this.market.problem,()=>void this.market.run()):e}
      ${this.market.value||!this.market.problem?h(this.market,e=>this.charts(e),`Reading the market`):e}
      ${h(this.prices,e=>this.hosts(e,r),`Reading the prices`)}
    `:m(`The market does not know this cluster`,`It reads ${n.source.name}, last at ${y(n.taken_at)}. A new cluster is there after its next look.`)}charts(n){let r=M(n),i=P(n),o=n.equilibrium.price,s=n.series.hosts.length,c=j(n).length;return t`<div class="columns">
      ${x(`Prices over time`,r?t`<vsm-chart .plot=${r} label="Prices of the hosts over time, in points for a MiB"></vsm-chart>`:m(`No prices yet`,`They are drawn from the second look at the estate on.`),{note:c<s?`The ${c} dearest of ${f(s)} hosts, and the middle of all.`:`Points for a MiB, on a logarithmic scale.`})}
      ${x(`Supply and demand`,t`<vsm-chart
          .plot=${F(n)}
          label="Supply and demand of memory: what is offered and what is paid, by price"
        ></vsm-chart>`,{note:`What is paid above the even price${o===null?``:` of ${a(o)} points/MiB`} is what trading can spare; it would be everybody's price if every VM could live on every host.`})}
      ${x(`Potential against its bound`,i?t`<vsm-chart .plot=${i} label="Potential before and after each plan, and the bound that no placement can beat"></vsm-chart>`:m(`No plans yet`),{note:`Of the whole estate: what pressure costs now, after the plan, and what no placement can beat.`})}
      ${x(`Pressure map`,this.prices.value?t`<vsm-pressure-map
              .tiles=${E(B(this.prices.value,this.cluster),e=>e.name,`ascending`).map(T)}
            ></vsm-pressure-map>`:e,{note:`How much of what each host has for sale is sold.`})}
    </div>`}hosts(e,n){let r=E(B(e,n.moid),e=>e[this.sort.key],this.sort.order);return x(`Hosts by price`,t`<vsm-table
        label="Hosts of the cluster by price"
        .columns=${O(!1)}
        .source=${new D(r)}
        .sort=${this.sort}
        .rows=${12}
        empty="The cluster has no host."
        @vsm-sort=${e=>{this.sort=e.detail,this.requestUpdate()}}
      ></vsm-table>`,{flush:!0,end:C(_([`vms`],{cluster:n.moid}),`Its VMs`)})}summary(e,n){return t`<p>
        ${n.squeezed_vms?b(`${l(n.squeezed_vms,`VM`)} short of memory`,`warn`):b(`no VM is short of memory`,`good`)}
      </p>
      <dl class="facts-list">
        <dt>Sold</dt>
        <dd>${p(n.load)} of ${c(n.usable_mib)}</dd>
        <dt>Prices</dt>
        <dd>${a(n.price_low)} to ${a(n.price_high)} points/MiB</dd>
        <dt>The market's plan</dt>
        <dd>${e.plan_steps?l(e.plan_steps,`step`):`nothing to do`}</dd>
      </dl>`}};function B(e,t){return e.hosts.filter(e=>e.cluster===t||e.cluster_name===t)}function V(e){return S([{label:`Sold`,value:p(e.load),note:`of ${c(e.usable_mib)} for sale`,tone:(e.load??0)>=1?`bad`:(e.load??0)>=.9?`warn`:`none`},{label:`Its VMs would hold`,value:p(e.footprint),note:`of that, if nobody squeezed them`},{label:`Lowest price`,value:a(e.price_low),note:`points for a MiB`},{label:`Highest price`,value:a(e.price_high),note:`points for a MiB`},{label:`Short of memory`,value:f(e.squeezed_vms),note:`of ${f(e.running_vms)} running VMs`,tone:e.squeezed_vms?`warn`:`good`}],`Figures of the cluster`)}o(`vsm-cluster`,z);export{z as VsmCluster};