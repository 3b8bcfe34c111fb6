import{a as e,t}from"./clarity-D_J7kZPU.js";import{C as n,E as r,G as i,X as a,at as o,g as s,h as c,it as l,m as u,w as d,y as f}from"./format-bmAMdsjG.js";var p=`vsm-logged-in`;s(`vsm-login`,class extends c{constructor(...e){super(...e),this.working=!1,this.submit=e=>{e.preventDefault();let t=new FormData(e.target).get(`token`);typeof t==`string`&&t.trim()&&this.enter(t.trim())}}render(){return r`<main class="login">
      <form @submit=${this.submit}>
        <div class="brand">
          <img src="./mark.svg" alt="" />
          <h1>vSphere Market</h1>
        </div>
        <p>Log in with an API token. <code>vsphere-market serve</code> shows one when it starts; <code>vsphere-market tokens create</code> makes others.</p>
        ${this.problem?f(this.problem):n}
        <label class="field">Token<input name="token" type="password" autocomplete="off" required maxlength="200" /></label>
        <cds-button type="submit" block ?disabled=${this.working}>${this.working?`Logging in …`:`Log in`}</cds-button>
      </form>
    </main>`}firstUpdated(){this.querySelector(`input`)?.focus()}async enter(e){if(!this.working){this.working=!0,this.problem=void 0,this.requestUpdate();try{let t=await a(e);this.dispatchEvent(new CustomEvent(p,{detail:t}))}catch(e){this.problem=u(e)}finally{this.working=!1,this.requestUpdate()}}}});var m=``,h=l(new URL(`./`,location.href).href.replace(/[?#].*$/,``),{credentials:`same-origin`,headers:()=>({}),changes:()=>({"x-csrf-token":m})},`standalone`);function g(e){m=e.csrf_token??``,h.session=e,_(`vsm-shell`)}function _(e){let t=document.createElement(e);e===`vsm-login`&&t.addEventListener(p,e=>g(e.detail)),document.body.replaceChildren(t)}async function v(){let e=/^#token=(\w[\w-]*)$/.exec(location.hash)?.[1];return e===void 0?null:(history.replaceState(null,``,location.pathname),a(e))}async function y(){e(),t();try{g(await v()??await i())}catch(e){if(e instanceof o&&e.status===401)_(`vsm-login`);else if(e instanceof o)d(f(e,()=>location.reload()),document.body);else throw e}h.link.onLoggedOut=()=>{h.session&&(h.session=void 0,_(`vsm-login`))}}y();