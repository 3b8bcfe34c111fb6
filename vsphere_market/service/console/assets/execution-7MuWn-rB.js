import{A as e,C as t,E as n,F as r,a as i,b as a,g as o,h as s,m as c,o as l,p as u,rt as d,x as f,y as p}from"./format-D8RhZoHT.js";import{c as m,d as h,f as g,p as _}from"./clarity-CAItAufx.js";import{a as v,i as y,r as b}from"./bits-CiZyD64C.js";import{a as x,i as S}from"./words-DkfCIaZb.js";var C={starting:[`checking`,`info`],running:[`running`,`info`],done:[`done`,`good`],failed:[`failed`,`bad`],cancelled:[`cancelled`,`warn`]},w=class extends s{constructor(...e){super(...e),this.execution=``,this.found=new u(this,e=>r(this.execution,e)),this.live=new g(this,[`execution`,`execution.step`],e=>this.hear(e),0),this.asked=``}static{this.properties={execution:{type:String}}}willUpdate(){this.asked!==this.execution&&(this.asked=this.execution,this.found.run(!0))}hear(e){let t=e.data,n=this.found.value;e.name===`execution.step`&&n&&t.execution===n.id?(n.steps=n.steps.map(e=>e.step===t.step?{...e,...t}:e),n.ended=n.steps.filter(e=>e.outcome!==null).length,this.requestUpdate()):(e.name===`reset`||t.id===this.execution)&&this.found.run()}render(){return n`<div class="view">
      ${this.problem?p(this.problem):t}
      ${f(this.found,e=>this.whole(e),`Reading the execution`)}
    </div>`}whole(e){let[r,i]=C[e.state],o=e.ended_at!==null,s=e.total?100*e.ended/e.total:0;return n`
      <div class="title">
        <h1>Execution of plan ${e.plan}</h1>
        ${v(e.cancelling?`being cancelled`:r,i)} ${e.dry_run?v(`dry run`):t}
        <span class="push">
          ${!o&&d().may(`operator`)?n`<cds-button size="sm" status="danger" action="outline" ?disabled=${e.cancelling} @click=${()=>void this.cancel()}
                >Cancel</cds-button
              >`:t}
        </span>
        <p class="lead">
          Begun by ${e.who} at ${_(e.started_at,!0)}${o?`, ended ${_(e.ended_at,!0)}`:``};
          ${b(m([`plan`,e.plan]),`the plan`)}.
        </p>
      </div>
      <div class="progress" role="progressbar" aria-label="Steps that have ended" aria-valuemin="0" aria-valuemax=${e.total} aria-valuenow=${e.ended}>
        <progress max="100" value=${s} aria-hidden="true"></progress>
        <span class="num">${e.ended} of ${l(e.total,`step`)}</span>
      </div>
      ${e.problem?n`<div class="callout bad"><p class="grow">${a(e.problem.what)} ${e.problem.cure}</p></div>`:t}
      ${o&&e.state===`done`?n`<div class="callout good">
            <p class="grow"><b>All steps ended well.</b> The market looks again; what is left to do, if anything, is in the next plan.</p>
            ${b(m([]),`Back to the overview`)}
          </div>`:t}
      ${y(`Steps`,n`<table class="plain">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">What</th>
              <th scope="col">Progress</th>
              <th scope="col">Task of vCenter</th>
            </tr>
          </thead>
          <tbody>
            ${e.steps.map(e=>T(e))}
          </tbody>
        </table>`)}
    `}async cancel(){if(await h({heading:`Cancel the execution?`,text:`Nothing more is begun. Tasks that vCenter can still cancel are cancelled; the others end as they would.`,action:`Cancel the execution`,danger:!0})){try{await e(this.execution),this.problem=void 0}catch(e){this.problem=c(e)}this.found.run()}}};function T(e){let r=e.outcome===null&&e.progress_pct===0;return n`<tr>
    <td>${e.step}</td>
    <td>${e.text}${e.sentence?n`<div class="note">${a(e.sentence)}</div>`:t}</td>
    <td>
      ${e.outcome?v(x(e.outcome),S(e.outcome)):r?n`<span class="soft">waits</span>`:n`<progress max="100" value=${e.progress_pct} aria-label=${`Progress of ${e.step}`}></progress>
              <span class="num small">${i(e.progress_pct,0)}</span>`}
    </td>
    <td class="soft">${e.task??``}</td>
  </tr>`}o(`vsm-execution`,w);export{w as VsmExecution};