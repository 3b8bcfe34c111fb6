import{B as e,C as t,E as n,K as r,N as i,O as a,Q as o,V as s,W as c,a as l,c as u,g as d,h as f,j as p,m,o as h,p as g,rt as _,s as v,t as y,tt as b,u as x,v as S,x as C,y as w}from"./format-D8RhZoHT.js";import{c as T,d as E,f as D,p as O,s as k,u as A}from"./clarity-CAItAufx.js";import{a as j,i as M,n as N,r as P}from"./bits-CiZyD64C.js";import{t as F}from"./table-5z1I3P52.js";import{r as I}from"./words-DkfCIaZb.js";import{n as L}from"./step-CLWnnT98.js";var R={open:[`open`,`info`],empty:[`nothing to do`,`good`],executing:[`being carried out`,`info`],executed:[`carried out`,`good`],expired:[`expired`,`warn`]},z=class extends f{constructor(...e){super(...e),this.plan=``,this.chosen=``,this.whole=new g(this,e=>this.read(e)),this.live=new D(this,[`plan`,`turn`,`execution`],()=>void this.whole.run()),this.working=``,this.asked=``}static{this.properties={plan:{type:String},chosen:{type:String}}}willUpdate(){!this.whole.busy&&this.asked!==this.plan&&this.whole.run(!0),this.asked=this.plan}connectedCallback(){super.connectedCallback(),this.asked=this.plan,this.whole.run()}async read(t){let n=(await s(1,t)).items[0]?.id??``,i=this.plan?this.plan:this.whole.value?.plan.id??n,[a,o,l]=await Promise.all([e(i,t),r(i,t),c(i,t)]);return{plan:a,steps:o.items,refusals:l.items,newer:n===a.id?null:n}}render(){return n`<div class="view">
      ${this.problem?w(this.problem):t} ${C(this.whole,e=>this.review(e),`Reading the plan`)}
    </div>`}review(e){let{plan:r,steps:i}=e,[a,o]=R[r.state],s=i.find(e=>e.id===this.chosen)??i[0];return n`
      <div class="title">
        <h1>Plan ${r.id}</h1>
        ${j(a,o)} ${r.origin===`loop`?t:j(r.origin===`alert`?`for an alert`:`for ${r.who??`somebody`}`)}
        <span class="push">${this.buttons(e)}</span>
        <p class="lead">
          Made ${O(r.created_at)}, good until ${O(r.expires_at)}.
          ${r.note?n`“${r.note}” `:t}${e.newer?n`The market has a newer one: ${P(T([`plan`,e.newer]),`plan ${e.newer}`)}.`:t}
        </p>
      </div>
      ${this.running(r)}
      ${N([{label:`Potential now`,value:v(r.certificate.potential_before),note:`points: the cost of pressure`},{label:`After the plan`,value:v(r.certificate.potential_after),note:this.fall(r),tone:`good`},{label:`No placement below`,value:v(r.certificate.lower_bound),note:`the bound; gap ${l(r.certificate.gap_pct)}`},...r.certificate.breaches_before?[{label:`Breaches of mandatory rules`,value:`${y(r.certificate.breaches_before)} → ${y(r.certificate.breaches_after??0)}`,note:`they come before all points`}]:[],{label:`Steps`,value:y(r.steps),note:Object.entries(r.kinds).map(([e,t])=>`${t} ${I(e).toLowerCase()}`).join(`, `)},{label:`Approved`,value:`${y(r.approved)} of ${y(r.steps)}`,note:[r.skipped?`${y(r.skipped)} skipped`:``,r.recommended?`${y(r.recommended)} only recommended by policy`:``].filter(Boolean).join(`, `)}],`What the plan is worth`)}
      ${i.length?n`<div class="split">
            ${M(`Steps`,n`<vsm-table
                label="Steps of the plan"
                .columns=${L()}
                .source=${new F(i)}
                .rows=${16}
                .opens=${!0}
                .current=${e=>e===s}
                @vsm-open=${e=>{this.chosen=e.detail.id}}
              ></vsm-table>`,{flush:!0,note:`In the order in which they would be done; each is possible in the state that its predecessors leave.`})}
            ${s?n`<vsm-step
                  .step=${s}
                  .open=${r.state===`open`}
                  .working=${this.working}
                  @vsm-approve=${()=>void this.approve([s.id])}
                  @vsm-skip=${()=>void this.skip(s)}
                ></vsm-step>`:t}
          </div>`:S(`Nothing to do`,`The market has no trade that is worth its disturbance.`)}
      ${this.hosts(r)} ${this.refused(e.refusals,r.refusals)}
    `}fall(e){let{potential_before:t,potential_after:n}=e.certificate;if(t===null||n===null||t<=0)return``;let r=100*(t-n)/t;return r>=0?`${l(r)} less`:`${l(-r)} more, for mandatory rules`}running(e){let r=e.executions.at(-1);return r?n`<div class="callout ${e.state===`executing`?``:`good`}">
      <p class="grow">${e.state===`executing`?`It is being carried out now.`:`It was carried out.`}</p>
      ${P(T([`executions`,r]),`Watch the execution`)}
    </div>`:t}buttons(e){let{plan:r}=e,i=this.working!==``,a=_().may(`approver`),o=_().may(`operator`);return n`
      ${a?n`<cds-button size="sm" action="outline" ?disabled=${i} @click=${()=>void this.anew()}>
            ${this.working===`plan`?`Planning …`:`Plan anew`}
          </cds-button>`:t}
      ${a&&r.state===`open`&&r.pending>0?n`<cds-button size="sm" action="outline" ?disabled=${i} @click=${()=>void this.approve(null)}>
            Approve all ${y(r.pending)}
          </cds-button>`:t}
      ${o&&r.state===`open`&&r.approved>0?n`<cds-button size="sm" ?disabled=${i} @click=${()=>void this.execute(r)}>
            Carry out ${h(r.approved,`approved step`)}
          </cds-button>`:t}
    `}hosts(e){let r=e.hosts.filter(e=>e.load_before!==e.load_after);return r.length?M(`What it does to the hosts`,n`<div class="scroll" tabindex="0" role="region" aria-label="Hosts before and after">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Host</th>
              <th scope="col" class="end">Price, points/MiB</th>
              <th scope="col" class="end">after</th>
              <th scope="col" class="end">Sold</th>
              <th scope="col" class="end">after</th>
            </tr>
          </thead>
          <tbody>
            ${r.map(e=>n`<tr>
                  <th scope="row">${P(T([`hosts`,e.host.moid]),e.host.name)}</th>
                  <td class="end num">${u(e.price_before)}</td>
                  <td class="end num">${u(e.price_after)}</td>
                  <td class="end num">${x(e.load_before)}</td>
                  <td class="end num">${x(e.load_after)}</td>
                </tr>`)}
          </tbody>
        </table>
      </div>`):t}refused(e,r){return e.length?M(`What is not done, and why`,n`<div class="scroll" tabindex="0" role="region" aria-label="Refusals">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Of</th>
              <th scope="col">Why not</th>
            </tr>
          </thead>
          <tbody>
            ${e.map(e=>n`<tr><th scope="row">${e.subject.name}</th><td>${e.sentence}</td></tr>`)}
          </tbody>
        </table>
      </div>`,r>e.length?{note:`The first ${y(e.length)} of ${y(r)}.`}:{}):t}async approve(e){await this.work(`approve`,async t=>a(t,e))}async skip(e){let t=await A({heading:`Skip step ${e.id}?`,text:`${e.text}. Steps that need it are skipped with it.`,label:`Why, for the others`,action:`Skip`});t!==null&&await this.work(`skip`,async n=>b(n,e.id,t))}async execute(e){await E({heading:`Carry out ${h(e.approved,`step`)}?`,text:n`<p>
          Before every step vCenter's state is compared with what the plan expects; a step that does not fit any more is
          left out. It can be stopped at any time.
        </p>`,action:`Carry out`})&&await this.work(`execute`,async e=>{let t=await p(e,!1);k(T([`executions`,t.id]))})}async anew(){await this.work(`plan`,async()=>{let e=await o({},``),t=(await i(e,new AbortController().signal)).location?.split(`/`).pop()??``;k(T([`plan`,t]))})}async work(e,t){let n=this.whole.value?.plan.id;if(n&&!this.working){this.working=e,this.requestUpdate();try{await t(n),this.problem=void 0,await this.whole.run()}catch(e){this.problem=m(e)}finally{this.working=``,this.requestUpdate()}}}};d(`vsm-plan`,z);export{z as VsmPlan};