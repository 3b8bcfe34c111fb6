/** Questions that need an answer before anything happens. */

import { html, nothing, render } from "lit";

interface Question {
  heading: string;
  text: unknown;
  action: string;
  danger?: boolean;
}

interface Asking extends Question {
  label: string;
  value?: string;
}

/** Ask whether to go on. */
export async function say(question: Question): Promise<boolean> {
  return (await open(question, undefined)) !== null;
}

/** Ask for a line of text; null when it was closed without one. */
export async function ask(question: Asking): Promise<string | null> {
  return open(question, question.label, question.value ?? "");
}

/**
 * The browser's own dialog: it keeps the focus inside, closes with Escape, and needs no inline style,
 * which Clarity's modal does and a strict content security policy forbids.
 */
function open(question: Question, label: string | undefined, value = ""): Promise<string | null> {
  const box = document.createElement("dialog");
  box.className = "dialog";
  box.setAttribute("aria-labelledby", "dialog-heading");
  document.body.append(box);
  return new Promise((done) => {
    let text = value;
    let answer: string | null = null;
    const close = (given: string | null) => {
      answer = given;
      box.close();
    };
    box.addEventListener("close", () => {
      box.remove();
      done(answer);
    });
    const go = (event: Event) => {
      event.preventDefault();
      close(text);
    };
    render(
      html`<form @submit=${go}>
        <h2 id="dialog-heading">${question.heading}</h2>
        <div class="prose">${question.text}</div>
        ${label === undefined
          ? nothing
          : html`<label class="field"
              >${label}<input
                .value=${value}
                maxlength="200"
                @input=${(event: Event) => (text = (event.target as HTMLInputElement).value)}
            /></label>`}
        <div class="buttons">
          <cds-button type="button" action="outline" size="sm" @click=${() => close(null)}>Cancel</cds-button>
          <cds-button type="button" size="sm" status=${question.danger ? "danger" : "primary"} @click=${() => close(text)}
            >${question.action}</cds-button
          >
        </div>
      </form>`,
      box,
    );
    box.showModal();
  });
}
