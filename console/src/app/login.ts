/** The way in: a token, once; after that a cookie that scripts cannot read. */

import { html, nothing } from "lit";
import { logIn } from "../api/calls.js";
import type { Session } from "../api/schema.js";
import { Problem } from "../api/link.js";
import { submitForm } from "../parts/forms.js";
import { failed } from "../parts/states.js";
import { define, Part } from "../parts/element.js";
import { asProblem } from "./loader.js";

/** Fired when somebody has logged in; `detail` is the session. */
export const LOGGED_IN = "vsm-logged-in";

export class VsmLogin extends Part {
  private problem: Problem | undefined;
  private working = false;

  protected override render(): unknown {
    return html`<main class="login">
      <form @submit=${this.submit}>
        <div class="brand">
          <img src="./mark.svg" alt="" />
          <h1>vSphere Market</h1>
        </div>
        <p>Log in with an API token. <code>vsphere-market serve</code> shows one when it starts; <code>vsphere-market tokens create</code> makes others.</p>
        ${this.problem ? failed(this.problem) : nothing}
        <label class="field">Token<input name="token" type="password" autocomplete="off" required maxlength="200" /></label>
        <cds-button block ?disabled=${this.working} type="button" @click=${submitForm}>${this.working ? "Logging in …" : "Log in"}</cds-button>
      </form>
    </main>`;
  }

  protected override firstUpdated(): void {
    this.querySelector("input")?.focus();
  }

  private readonly submit = (event: Event) => {
    event.preventDefault();
    const value = new FormData(event.target as HTMLFormElement).get("token");
    if (typeof value === "string" && value.trim()) void this.enter(value.trim());
  };

  private async enter(token: string): Promise<void> {
    if (this.working) return;
    this.working = true;
    this.problem = undefined;
    this.requestUpdate();
    try {
      const session = await logIn(token);
      this.dispatchEvent(new CustomEvent<Session>(LOGGED_IN, { detail: session }));
    } catch (error) {
      this.problem = asProblem(error);
    } finally {
      this.working = false;
      this.requestUpdate();
    }
  }
}

define("vsm-login", VsmLogin);
