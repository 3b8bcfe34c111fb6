import{C as e,E as t,H as n,M as r,b as i,g as a,h as o,o as s,p as c,v as l,x as u}from"./format-D8RhZoHT.js";import{c as d,f,s as p}from"./clarity-CAItAufx.js";import{t as m}from"./forms-C2HeXPbj.js";import{a as h,i as g,r as _}from"./bits-CiZyD64C.js";var v={error:`bad`,warning:`warn`,info:`info`,ok:`good`},y=class extends o{constructor(...e){super(...e),this.query=new URLSearchParams,this.policies=new c(this,n),this.found=new c(this,e=>r(this.query.get(`of`)??``,e)),this.live=new f(this,[`turn`],()=>void this.policies.run()),this.asked=``,this.submit=e=>{e.preventDefault();let t=new FormData(e.target).get(`of`);typeof t==`string`&&p(d([`policies`],{of:t.trim()}))}}static{this.properties={query:{attribute:!1}}}connectedCallback(){super.connectedCallback(),this.policies.run()}willUpdate(){let e=this.query.get(`of`)??``;this.asked!==e&&(this.asked=e,e?this.found.run(!0):this.found.value=void 0)}render(){return t`<div class="view">
      <div class="title">
        <h1>Policies</h1>
        <p class="lead">How far the market may go by itself. They are files, kept where you keep your configuration; here they are read.</p>
      </div>
      <div class="columns">
        ${g(`What holds for a VM or host`,t`<form class="tools" @submit=${this.submit}>
              <label class="field">VM or host, by name or id<input name="of" required maxlength="200" .value=${this.query.get(`of`)??``} /></label>
              <cds-button size="sm" type="button" @click=${m}>Show</cds-button>
            </form>
            ${this.asked?u(this.found,b,`Asking`):e}`,{note:`The effective settings, and which document decided each of them.`})}
        ${g(`Documents`,u(this.policies,x,`Reading the policies`))}
      </div>
    </div>`}};function b(n){return t`<h3>
      ${_(d([n.thing===`vm`?`vms`:`hosts`,n.subject.moid]),n.subject.name)}
    </h3>
    ${n.settings.length?t`<table class="plain">
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
                  <td>
                    ${n.source||t`<span class="soft">the default</span>`}${n.place?t`<div class="note">${n.place}</div>`:e}${n.note?t`<div class="note">${n.note}</div>`:e}
                  </td>
                </tr>`)}
          </tbody>
        </table>`:l(`Nothing is set for it`)}`}function x(n){return t`
    ${n.findings.length?t`<ul class="lines">
          ${n.findings.map(e=>t`<li>${h(e.severity,v[e.severity]??`none`)} <b>${e.where}</b> ${i(e.what)} ${e.cure}</li>`)}
        </ul>`:e}
    ${n.documents.length?t`<p class="note">${s(n.documents.length,`document`)}</p>
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              ${n.documents.map(n=>t`<tr>
                    <th scope="row">${n.name}${n.description?t`<div class="note">${n.description}</div>`:e}</th>
                    <td>${n.kind}</td>
                    <td>${n.where}</td>
                  </tr>`)}
            </tbody>
          </table>`:l(`No policies are given`,t`Everything waits for approval then. <code>vsphere-market serve --policies FOLDER</code> reads policies.`)}
  `}a(`vsm-policies`,y);export{y as VsmPolicies};