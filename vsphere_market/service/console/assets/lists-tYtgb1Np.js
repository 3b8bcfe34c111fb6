import{C as e,E as t,J as n,L as r,P as i,g as a,h as o,m as s,o as c,p as l,t as u,y as d}from"./format-D8RhZoHT.js";import{c as f,f as p,s as m}from"./clarity-CAItAufx.js";import{n as h}from"./table-5z1I3P52.js";import{n as g}from"./words-DkfCIaZb.js";import{n as _,r as v,t as y}from"./columns-D4c0Q6xl.js";var b=200,x=class extends o{constructor(...e){super(...e),this.query=new URLSearchParams,this.version=0,this.loaded=!1,this.live=new p(this,[`turn`],()=>this.load(this.rows?.inSight),1e3),this.clusters=new l(this,i)}static{this.properties={query:{attribute:!1}}}disconnectedCallback(){super.disconnectedCallback(),this.rows?.stop(),clearTimeout(this.typing)}willUpdate(e){e.has(`query`)&&this.load()}get sort(){let e=this.query.get(`sort`);return e?e.startsWith(`-`)?{key:e.slice(1),order:`descending`}:{key:e,order:`ascending`}:this.firstSort}get sortText(){return`${this.sort.order===`descending`?`-`:``}${this.sort.key}`}load(e=[0,1]){let t=new h(async(e,t,n)=>{let r=await this.page(e,t,n);return{total:r.total,rows:r.items}},e=>{this.problem=e===void 0?void 0:s(e),this.loaded=!0,e===void 0&&this.waiting===t&&(this.rows?.stop(),this.rows=t,this.waiting=void 0),this.version+=1,this.requestUpdate()},b);this.waiting?.stop(),this.waiting=t,t.want(...e)}change(e){let t=Object.fromEntries(this.query);m(f(this.path,{...t,...e}))}type(e,t){let n=t.target.value;clearTimeout(this.typing),this.typing=setTimeout(()=>this.change({[e]:n}),250)}render(){let n=this.rows;return t`<div class="view fill">
      <div class="title">
        <h1>${this.what}</h1>
        <span class="soft" role="status">${n?u(n.length):``}</span>
      </div>
      <div class="tools">${this.filters()}</div>
      ${this.problem?d(this.problem,()=>this.load()):e}
      <section class="panel" aria-label=${this.what} aria-busy=${this.loaded?`false`:`true`}>
        ${n||this.loaded?t`<vsm-table
              .label=${this.what}
              .columns=${this.columns()}
              .source=${n??new h(()=>Promise.resolve({total:0,rows:[]}),()=>void 0)}
              .sort=${this.sort}
              .version=${this.version}
              .rows=${200}
              empty=${this.query.size?`Nothing fits the filters.`:`There is nothing here.`}
              @vsm-sort=${e=>this.change({sort:`${e.detail.order===`descending`?`-`:``}${e.detail.key}`})}
            ></vsm-table>`:t`<div class="loading" role="status">
              <cds-progress-circle size="lg" status="info" aria-label="Loading"></cds-progress-circle><span>Reading …</span>
            </div>`}
      </section>
    </div>`}search(e){return t`<label class="field"
      >${e}<input
        type="search"
        maxlength="200"
        .value=${this.query.get(`find`)??``}
        @input=${e=>this.type(`find`,e)}
    /></label>`}choices(e,n,r){let i=this.query.get(e)??``;return t`<label class="field"
      >${n}<select @change=${t=>this.change({[e]:t.target.value})}>
        ${r.map(([e,n])=>t`<option value=${e} ?selected=${e===i}>${n}</option>`)}
      </select></label
    >`}connectedCallback(){super.connectedCallback(),this.clusters.run()}clusterChoice(){let t=this.clusters.value?.clusters??[],n=this.query.get(`cluster`)??``;return t.length<2&&!n?e:this.choices(`cluster`,`Cluster`,[[``,`all`],...t.map(e=>[e.moid,e.name])])}},S=class extends x{constructor(...e){super(...e),this.what=`Hosts`,this.path=[`hosts`],this.firstSort={key:`price`,order:`descending`},this.shown=_(!0)}columns(){return this.shown}filters(){return t`${this.search(`Find a host`)} ${this.clusterChoice()}`}async page(e,t,n){let i={search:this.query.get(`find`)??void 0,cluster:this.query.get(`cluster`)??void 0,sort:this.sortText,offset:e,limit:t};return r(i,n)}},C=[`host-overcommit`,`limit`,`guest-full`,`stale-swap`,`balloon-without-pressure`],w=class extends x{constructor(...e){super(...e),this.what=`Virtual machines`,this.path=[`vms`],this.firstSort={key:`name`,order:`ascending`},this.shown=v({host:!0,cluster:!0})}columns(){return this.shown}filters(){return t`
      ${this.search(`Find a VM`)} ${this.clusterChoice()}
      ${this.choices(`squeezed`,`Short of memory`,[[``,`all VMs`],[`yes`,`only those`],[`no`,`only others`]])}
      ${this.choices(`cause`,`Why`,[[``,`any cause`],...C.map(e=>[e,g(e)])])}
      ${this.query.size?t`<cds-button size="sm" action="flat" @click=${()=>m(f([`vms`]))}>Clear filters</cds-button>`:e}
      <span class="push note">${this.rows?c(this.rows.length,`VM`):``}</span>
    `}async page(e,t,r){let i=this.query.get(`squeezed`),a={search:this.query.get(`find`)??void 0,cluster:this.query.get(`cluster`)??void 0,host:this.query.get(`host`)??void 0,cause:this.query.get(`cause`)??void 0,squeezed:i===`yes`||i!==`no`&&void 0,sort:this.sortText,fields:y,offset:e,limit:t};return n(a,r)}};a(`vsm-hosts`,S),a(`vsm-vms`,w);export{S as VsmHosts,w as VsmVms};